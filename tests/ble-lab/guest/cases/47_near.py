"""Phones that are held to an NFC reader and go on over Bluetooth: PC/SC with a virtual reader, and BlueZ, in one chain."""

import json
import re
import time
from importlib import import_module

from lab import VPCD, case, expect, wait_for

steps = import_module('20_transactions')
counters = import_module('40_counter')

ONE = ['one-channel']
# What is said of a handover, by what the phone offers where it negotiates: one way.
SERVER, CLIENT = 'Bluetooth, the phone as the server', 'Bluetooth, this reader as the server'
WAYS = {'ble-peripheral': SERVER, 'ble-central': CLIENT}
# How long a phone is looked for that does not come.
SHORT = ['--connect-timeout', 5]


def touch(lab, handover, transport, *more, adapter='hci1', slot=0):
    """A phone is held to the reader."""
    holder = lab.run('holder', 'present', '--nfc', handover, '--vpcd', f'127.0.0.1:{VPCD + slot}', '--transport', transport,
                     '--adapter', adapter, '--pki', steps.pki(lab), *more)
    announced = holder.line()
    expect(announced == {'nfc': handover}, announced)
    return holder


def handed_over(holder, handover, transport):
    """What the phone says of its handover: the UUID of each role in which it goes on."""
    line = holder.line()
    roles = {role: line[role] for role in ('ble-peripheral', 'ble-central') if line[role]}
    expect((line['handover'], line['transfer']) == (handover, False), line)
    expect(sorted(roles) == sorted(transport.split(',')), line)
    return roles


def near(lab, *more, purpose=steps.SMALL):
    lab.start_pcscd()
    reader = counters.counter(lab, '--nfc', *more, purpose=purpose)
    wait_for('the counter', lambda: counters.waits(reader) > 0)
    return reader


def whole(lab, reader, handover, transport, *more):
    """A transaction from the first command to the verdict, and nothing is left of it."""
    holder = touch(lab, handover, transport, *more)
    counters.served(reader, None)
    handed_over(holder, handover, transport)
    expect(holder.status(10) == 0, 'the phone ended badly:', holder.errors())
    words = '; '.join(WAYS[role] for role in ('ble-central', 'ble-peripheral') if role in transport.split(','))
    expect(reader.errors().count(f'reader: {handover} handover: {words}\n') == 1, words, 'but', reader.errors())
    expect('a reader has started a session' in holder.errors(), holder.errors())
    steps.bare_of_traces(lab)


@case('negotiated handover, then the reader as central')
def negotiated_central(lab):
    reader = near(lab, purpose=steps.LARGE)
    whole(lab, reader, 'negotiated', 'ble-peripheral')
    counters.ended(reader)


@case('negotiated handover, then the reader as peripheral')
def negotiated_peripheral(lab):
    reader = near(lab, purpose=steps.LARGE)
    whole(lab, reader, 'negotiated', 'ble-central')
    counters.ended(reader)


@case('static handover, then each role and both', sets=ONE)
def static(lab):
    reader = near(lab)
    for transport in ('ble-peripheral', 'ble-central', 'ble-peripheral,ble-central'):
        whole(lab, reader, 'static', transport)
    counters.ended(reader)


@case('negotiated handover by the role that the counter takes', sets=ONE)
def negotiated_by_role(lab):
    """The phone has both roles and would rather be the client; a counter that is central alone leaves it the other one."""
    reader = near(lab, '--ble', 'central')
    holder = touch(lab, 'negotiated', 'ble-peripheral,ble-central')
    counters.served(reader, None)
    handed_over(holder, 'negotiated', 'ble-peripheral')
    expect(f'negotiated handover: {SERVER}\n' in reader.errors(), reader.errors())
    counters.ended(reader)


@case('one phone read by NFC and Bluetooth', sets=ONE)
def read_once(lab):
    lab.start_pcscd()
    reader = lab.run('reader', 'read', '--nfc', '--adapter', 'hci0', '--purpose', steps.SMALL, '--trust', f'{steps.pki(lab)}/trust')
    touch(lab, 'negotiated', 'ble-central')
    steps.accepted(reader)
    steps.bare_of_traces(lab)


@case('a tampered record behind a negotiated handover', sets=ONE)
def tampered(lab):
    reader = near(lab)
    touch(lab, 'negotiated', 'ble-central', '--fault', 'tampered')
    report = reader.line(30)
    expect((report['verdict'], report['reason']) == ('rejected', 'digest.mismatch'), json.dumps(report)[:300])
    counters.ended(reader)


def broken(fault, handover, transport, reason, phase, *flags):
    """A phone with a fault, and the next one, which has none. What the parts of a response are put through is tried elsewhere:
    these run beside the others, in the set that has time."""
    @case(f'{handover} handover, then {fault}, {transport}', sets=['default'])
    def goes_on(lab):
        reader = near(lab, *flags)
        holder = touch(lab, handover, transport, '--fault', fault)
        report = counters.served(reader, reason)
        expect((report['verdict'], report['phase']) == (None, phase), json.dumps(report)[:300])
        # It did come to Bluetooth, and the clerk is told what to do.
        handed_over(holder, handover, transport)
        expect('reader: next: ' in reader.errors(), 'the clerk is told nothing:', reader.errors())
        holder.end()
        touch(lab, handover, transport, adapter='hci2', slot=1)
        counters.served(reader, None)
        silent(reader, lab)
        counters.ended(reader)


def silent(reader, lab):
    """No UUID of a phone or of a handover is told."""
    told = set(re.findall(r'[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}', reader.errors()))
    expect(not told, 'a UUID is on standard error')


for faulty in (
    ('nfc-silent-after-handover', 'negotiated', 'ble-peripheral', 'session.timeout', 'connect', *SHORT),
    ('nfc-silent-after-handover', 'negotiated', 'ble-central', 'session.timeout', 'connect', *SHORT),
    ('nfc-other-service', 'negotiated', 'ble-peripheral', 'session.timeout', 'connect', *SHORT),
    ('nfc-other-service', 'negotiated', 'ble-central', 'session.timeout', 'connect', *SHORT),
    ('nfc-other-service', 'static', 'ble-central', 'session.timeout', 'connect', *SHORT),
    ('wrong-ident', 'negotiated', 'ble-central', 'session.timeout', 'connect', *SHORT),
    ('lost-after-request', 'negotiated', 'ble-central', 'session.transport', 'consent'),
    ('silent', 'negotiated', 'ble-peripheral', 'session.timeout', 'consent', '--consent-timeout', 2),
):
    broken(*faulty)


@case('a phone held there again while it is read over Bluetooth is not read twice', sets=ONE)
def again(lab):
    reader = near(lab)
    touch(lab, 'negotiated', 'ble-central', '--consent-after', 3000)
    wait_for('consent', lambda: 'consent' in reader.errors(), 20)
    # To the reader it is a phone on its other slot, which came while it was busy with this one.
    second = touch(lab, 'static', 'ble-peripheral', adapter='hci2', slot=1)
    counters.served(reader, None)
    time.sleep(2)
    expect(len(second.lines()) == 1 and reader.errors().count(' handover: ') == 1, 'it was engaged')
    # It leaves, and comes again.
    second.end()
    time.sleep(1)
    touch(lab, 'static', 'ble-peripheral', adapter='hci2', slot=1)
    counters.served(reader, None)
    counters.ended(reader)


@case('a phone held there while a scanned code is read is the next one', sets=ONE)
def next_one(lab):
    reader = near(lab)
    # A reader that has just read a phone by NFC wants an empty field first: that is over when a code is scanned.
    touch(lab, 'negotiated', 'ble-central')
    counters.served(reader, None)
    _, announced = steps.phone(lab, 'ble-peripheral', '--consent-after', 3000, adapter='hci2')
    reader.say(announced['engagement'])
    wait_for('consent', lambda: reader.errors().count('reader: waiting for consent') == 2, 20)
    touch(lab, 'static', 'ble-central', slot=1)
    counters.served(reader, None)
    counters.served(reader, None)
    expect(reader.errors().count(' handover: ') == 2, reader.errors())
    counters.ended(reader)


@case('the adapter is gone behind a negotiated handover', sets=ONE)
def no_adapter(lab):
    """The NFC reader works on; what is wrong is said to be Bluetooth's."""
    reader = near(lab)
    lab.radio('unplug', adapter=0)
    touch(lab, 'negotiated', 'ble-peripheral')
    report = counters.served(reader, 'bluetooth.adapter')
    expect(report['phase'] == 'connect', report)
    lab.radio('plug')
    lab.adapters_ready()
    touch(lab, 'negotiated', 'ble-peripheral', adapter='hci2', slot=1)
    counters.served(reader, None)
    counters.ended(reader)
