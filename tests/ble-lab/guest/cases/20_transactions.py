"""Whole transactions of `reader` with `holder`: a code is read, a phone is found, a verdict is printed."""

import json

from lab import Failed, case, expect, wait_for

PKI = '/run/lab/pki'
# A record with a portrait of 25 KB, and one that asks for little more than a statement of age.
LARGE = 'identity-basic'
SMALL = 'age-20'


def pki(lab):
    """The test issuer, made once."""
    if not getattr(lab, 'pki', False):
        expect(lab.run('holder', 'pki', '--out', PKI).status() == 0, 'no test issuer')
        lab.pki = True
    return PKI


def phone(lab, transport, *more, adapter='hci1'):
    """A simulated phone, and what it announces."""
    holder = lab.run('holder', 'present', '--transport', transport, '--adapter', adapter, '--pki', pki(lab), *more)
    return holder, holder.line()


def read(lab, announced, *more, purpose=LARGE):
    """Starts a reader on the code of a phone."""
    return lab.run('reader', 'read', '--qr', announced['engagement'], '--adapter', 'hci0', '--purpose', purpose,
                   '--trust', f'{pki(lab)}/trust', *more)


def verdict(reader, seconds=50):
    """The report, and the exit status."""
    report = reader.line(seconds)
    return report, reader.status()


# What BlueZ as it is installed does to parts, and the setting that the reader must name then.
SPOILT = {'bluetooth.reordered': 'Channels = 1', 'bluetooth.parts_lost': 'ExchangeMTU = 512'}


def spoilt(reader, report, status):
    """Whether BlueZ, as it is installed, spoilt the order or lost parts; the reader says so and names the setting."""
    if reader.lab.set != 'default' or report['reason'] not in SPOILT:
        return False
    expect(report['verdict'] is None and status in (3, None), 'spoilt, and yet', json.dumps(report)[:300])
    setting = SPOILT[report['reason']]
    expect(setting in reader.errors(), 'the setting is not named:', reader.errors())
    reader.lab.note(f'{report["reason"]}, and {setting} was named')
    return True


def accepted(reader, seconds=50):
    report, status = verdict(reader, seconds)
    if spoilt(reader, report, status):
        return report
    expect(report['verdict'] == 'accepted' and status == 0, 'not accepted:', json.dumps(report)[:300], reader.errors())
    return report


def refused(reader, reason, phase=None, seconds=50):
    """No verdict, for this reason, with a sentence and a next step for the clerk."""
    report, status = verdict(reader, seconds)
    if spoilt(reader, report, status):
        return report
    found = (report['verdict'], report['reason'], status)
    expect(found == (None, reason, 3), 'not', reason, 'but', json.dumps(report)[:300], reader.errors())
    # Where parts overtake each other, the one with the fault need not be the first.
    expect(phase is None or report['phase'] == phase or reader.lab.set == 'default', 'in the phase', report.get('phase'), 'and not', phase)
    words = reader.errors()
    expect('reader: no verdict: ' in words and 'reader: next: ' in words, 'the clerk is told nothing:', words)
    return report


def bare_of_traces(lab):
    """bluetoothd knows of no device, no service and no advertisement any more."""
    def left():
        devices = {path: interfaces['org.bluez.Device1'] for path, interfaces in lab.objects().items()
                   if 'org.bluez.Device1' in interfaces}
        advertised = [adapter for adapter in ('hci0', 'hci1') if lab.advertisements(adapter) != 0]
        return {path: {name: device.get(name) for name in ('Connected', 'ServicesResolved')}
                for path, device in devices.items()}, advertised

    try:
        wait_for('nothing to be left with bluetoothd', lambda: not any(left()), 8)
    except Failed as failed:
        raise Failed(failed, left()) from None


def whole(lab, transport, *more, purpose=LARGE):
    holder, announced = phone(lab, transport)
    accepted(read(lab, announced, *more, purpose=purpose))
    expect(holder.status(10) == 0, 'the phone ended badly:', holder.errors())
    bare_of_traces(lab)
    return holder


@case('code, then the reader as central')
def central(lab):
    whole(lab, 'ble-peripheral')


@case('code, then the reader as central, by btleplug')
def central_portable(lab):
    holder, announced = phone(lab, 'ble-peripheral')
    reader = read(lab, announced, '--central', 'btleplug')
    accepted(reader)
    expect('panicked' not in reader.errors(), 'the library panics:', reader.errors())


@case('code, then the reader as peripheral')
def peripheral(lab):
    whole(lab, 'ble-central')
    reader = lab.programs[-1]
    expect(reader.errors().count('a phone was found') == 1, 'a phone is told of once:', reader.errors())


@case('code with both roles')
def both(lab):
    whole(lab, 'ble-peripheral,ble-central')


@case('code with both roles, the counter takes one')
def chosen(lab):
    for role in ('central', 'peripheral'):
        whole(lab, 'ble-peripheral,ble-central', '--ble', role, purpose=SMALL)


@case('code with an L2CAP channel')
def l2cap(lab):
    holder, announced = phone(lab, 'l2cap')
    reader = read(lab, announced)
    accepted(reader)
    expect('by a channel' in holder.errors(), 'the channel was not used:', holder.errors())


@case('code with an L2CAP channel, the counter wants none')
def l2cap_unwanted(lab):
    holder, announced = phone(lab, 'l2cap')
    accepted(read(lab, announced, '--no-l2cap'))
    expect('by a channel' not in holder.errors(), 'the channel was used:', holder.errors())


@case('code with an L2CAP channel on which nobody listens')
def l2cap_closed(lab):
    holder, announced = phone(lab, 'l2cap', '--fault', 'closed-channel')
    accepted(read(lab, announced))
    expect('by a channel' not in holder.errors(), 'there is no channel:', holder.errors())
    bare_of_traces(lab)


@case('a channel that only the GATT service names, wanted or not')
def l2cap_in_gatt(lab):
    for flags in ([], ['--l2cap-psm-from-gatt']):
        holder, announced = phone(lab, 'l2cap', '--psm-in-gatt')
        accepted(read(lab, announced, *flags))
        expect(('by a channel' in holder.errors()) == bool(flags), flags, 'and yet', holder.errors())
        bare_of_traces(lab)


@case('a tampered record over the air')
def tampered(lab):
    _, announced = phone(lab, 'ble-central', '--fault', 'tampered')
    reader = read(lab, announced, purpose=SMALL)
    report, status = verdict(reader)
    if spoilt(reader, report, status):
        return
    expect((report['verdict'], report['reason'], status) == ('rejected', 'digest.mismatch', 1), json.dumps(report)[:300])
