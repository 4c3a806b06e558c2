"""`reader serve`: a counter that goes on, whatever happens to it."""

import base64
import json
import operator
import signal
import time
from importlib import import_module

from lab import case, expect, wait_for

steps = import_module('20_transactions')


# A fault has to be told, and the counter to be waiting again, within this many seconds.
PROMPT = 5


def counter(lab, *more, purpose=steps.SMALL, user=None, **options):
    """A counter at work."""
    if user:
        options['user'] = user
    return lab.run('reader', 'serve', '--adapter', 'hci0', '--purpose', purpose, '--trust', f'{steps.pki(lab)}/trust',
                   *more, stdin=True, **options)


def served(reader, reason, seconds=40):
    """The next line of a counter: a verdict without a reason, or the reason for having none."""
    report = reader.line(seconds)
    if steps.spoilt(reader, report, None):
        return report
    expect(report['reason'] == reason, 'not', reason, 'but', json.dumps(report)[:300], reader.errors()[-500:])
    if reason is None:
        expect(report['verdict'] == 'accepted', json.dumps(report)[:300])
    return report


def once(lab, reader, transport='ble-peripheral', *more, seconds=40):
    """One whole transaction, with a phone of its own: one that was there before it may still be hanging up."""
    holder, announced = steps.phone(lab, transport, *more, adapter='hci2')
    reader.say(announced['engagement'])
    served(reader, None, seconds)
    return holder


def waits(reader):
    """How often the counter has said that it waits."""
    return reader.errors().count('reader: waiting: ')


def prompt(reader, begun, before):
    wait_for('the counter to wait again', lambda: waits(reader) > before, PROMPT)
    took = time.monotonic() - begun
    expect(took <= PROMPT, f'told only after {took:.1f} s')
    words = reader.errors()
    expect('reader: next: ' in words, 'the clerk is told nothing:', words[-300:])


def ended(reader):
    reader.process.stdin.close()
    expect(reader.status(10) == 0, 'the counter ended badly:', reader.errors()[-300:])


def thinking(lab, transport):
    """A counter, and a phone whose holder thinks for ever: both, and what the phone has announced."""
    reader = counter(lab)
    holder, announced = steps.phone(lab, transport, '--fault', 'silent')
    reader.say(announced['engagement'])
    wait_for('consent', lambda: 'consent' in reader.errors(), 20)
    return reader, holder, announced


@case('ten transactions in a row leave nothing behind', seconds=150)
def ten(lab):
    reader = counter(lab)
    # Between transactions there may be Bluetooth's thread, with two connections to D-Bus and the three that it waits with.
    most = (threads(reader) + 1, reader.descriptors() + 5)
    holder, announced = steps.phone(lab, 'ble-peripheral', '--repeat')
    for number in range(10):
        if number == 5:
            holder.end()
            holder, announced = steps.phone(lab, 'ble-central', '--repeat')
        reader.say(announced['engagement'])
        served(reader, None)
        announced = holder.line()
    holder.end()
    steps.bare_of_traces(lab)
    wait_for(f'no more than {most} threads and descriptors',
             lambda: all(map(operator.le, (threads(reader), reader.descriptors()), most)), 8)
    # The service of each transaction is gone from the tree, too.
    own = [path for path, interfaces in lab.objects().items() if 'org.bluez.GattCharacteristic1' in interfaces]
    expect(not own, 'objects stay with bluetoothd:', own)
    lab.note(f'{reader.resident() / 1e6:.0f} MB resident, {reader.descriptors()} descriptors')
    ended(reader)


def threads(reader):
    wait_for('the counter', lambda: waits(reader) > 0)
    with open(f'/proc/{reader.process.pid}/status') as status:
        return next(int(line.split()[1]) for line in status if line.startswith('Threads:'))


def connected_once(reader, waiting):
    """The connection is down; its thread waits for the next one, or has ended because bluetoothd took too long."""
    wait_for('the connection to be down', lambda: threads(reader) <= waiting + 1, 8)


@case('a waiting counter is idle')
def idle(lab):
    reader = counter(lab)
    waiting = threads(reader)
    once(lab, reader)
    connected_once(reader, waiting)
    begun, before = time.monotonic(), reader.cpu()
    time.sleep(5)
    share = (reader.cpu() - before) / (time.monotonic() - begun)
    lab.note(f'idle: {100 * share:.2f} % of a core, {reader.resident() / 1e6:.1f} MB')
    expect(share < 0.01, f'{100 * share:.1f} % of a core')
    expect(reader.resident() < 40e6, f'{reader.resident() / 1e6:.0f} MB')
    ended(reader)


@case('no adapter of this name')
def no_adapter(lab):
    reader = lab.run('reader', 'serve', '--adapter', 'hci9', '--purpose', steps.SMALL, '--trust',
                     f'{steps.pki(lab)}/trust', stdin=True)
    _, announced = steps.phone(lab, 'ble-peripheral')
    before, begun = waits(reader), time.monotonic()
    reader.say(announced['engagement'])
    served(reader, 'bluetooth.adapter')
    prompt(reader, begun, before)
    ended(reader)


@case('the adapter is unplugged while the holder thinks')
def unplugged(lab):
    reader, *_ = thinking(lab, 'ble-central')
    before, begun = waits(reader), time.monotonic()
    lab.radio('unplug', adapter=0)
    report = served(reader, 'bluetooth.adapter')
    expect(report['phase'] == 'consent', report)
    prompt(reader, begun, before)
    lab.radio('plug')
    lab.adapters_ready()
    once(lab, reader)
    ended(reader)


@case('the adapter is unplugged while the phone is looked for')
def unplugged_early(lab):
    reader = counter(lab)
    holder, announced = steps.phone(lab, 'ble-peripheral')
    holder.end()
    reader.say(announced['engagement'])
    wait_for('connecting', lambda: 'connecting' in reader.errors(), 20)
    time.sleep(1)
    before, begun = waits(reader), time.monotonic()
    lab.radio('unplug', adapter=0)
    served(reader, 'bluetooth.adapter')
    prompt(reader, begun, before)
    ended(reader)


@case('bluetoothd is restarted while the holder thinks')
def restarted(lab):
    reader, *_ = thinking(lab, 'ble-central')
    before, begun = waits(reader), time.monotonic()
    lab.stop_bluetoothd()
    served(reader, 'bluetooth.service')
    prompt(reader, begun, before)
    # The phone leaves; the system's kernel would otherwise hold on to the link.
    lab.radio('drop')
    lab.start_bluetoothd()
    lab.adapters_ready()
    once(lab, reader)
    ended(reader)


@case('bluetoothd is restarted while the phone is awaited')
def restarted_early(lab):
    """The engagement still stands: nothing needs to be restarted."""
    reader = counter(lab)
    holder, announced = steps.phone(lab, 'ble-central', '--fault', 'late-start')
    reader.say(announced['engagement'])
    wait_for('connecting', lambda: 'connecting' in reader.errors(), 20)
    lab.stop_bluetoothd()
    lab.start_bluetoothd()
    report = reader.line(40)
    # The phone's own stack is gone with the service: it cannot come again.
    expect(report['reason'] in ('session.timeout', 'bluetooth.service'), report)
    lab.adapters_ready()
    once(lab, reader)
    ended(reader)


@case('bluetoothd hangs while the holder thinks')
def hangs(lab):
    reader, *_ = thinking(lab, 'ble-peripheral')
    before, begun = waits(reader), time.monotonic()
    lab.daemons['bluetoothd'].send_signal(signal.SIGSTOP)
    try:
        served(reader, 'bluetooth.service')
        prompt(reader, begun, before)
    finally:
        lab.daemons['bluetoothd'].send_signal(signal.SIGCONT)
    lab.forget_devices()
    once(lab, reader)
    ended(reader)


@case('D-Bus ends while the holder thinks')
def bus_ends(lab):
    reader, *_ = thinking(lab, 'ble-peripheral')
    before, begun = waits(reader), time.monotonic()
    lab.stop_bus()
    served(reader, 'bluetooth.service')
    prompt(reader, begun, before)
    lab.start_bus()
    lab.restart_bluetoothd()
    once(lab, reader)
    ended(reader)


@case('bluetoothd and D-Bus are restarted between two customers', seconds=120)
def restarted_between(lab):
    """What stays from one customer to the next is of no use to the third."""
    reader = counter(lab)
    for restart in (lambda: None, lab.restart_bluetoothd, lab.restart_bus):
        for transport in ('ble-peripheral', 'ble-central'):
            restart()
            once(lab, reader, transport)
            # A kernel whose bluetoothd goes away under a link does not always advertise afterwards.
            lab.forget_devices()
    ended(reader)


@case('bluetoothd does not run')
def no_service(lab):
    _, announced = steps.phone(lab, 'ble-peripheral')
    lab.stop_bluetoothd()
    reader = counter(lab)
    wait_for('the counter', lambda: waits(reader) > 0)
    before, begun = waits(reader), time.monotonic()
    reader.say(announced['engagement'])
    served(reader, 'bluetooth.service')
    prompt(reader, begun, before)
    ended(reader)


@case('a user who may not use Bluetooth')
def forbidden(lab):
    _, announced = steps.phone(lab, 'ble-peripheral')
    reader = counter(lab, user='nobody')
    wait_for('the counter', lambda: waits(reader) > 0)
    before, begun = waits(reader), time.monotonic()
    reader.say(announced['engagement'])
    served(reader, 'bluetooth.permission')
    prompt(reader, begun, before)
    ended(reader)


@case('a silent phone, then the next customer')
def silent(lab):
    reader = counter(lab, '--consent-timeout', 3)
    _, announced = steps.phone(lab, 'ble-peripheral', '--fault', 'silent')
    before = waits(reader)
    reader.say(announced['engagement'])
    report = served(reader, 'session.timeout')
    expect(report['phase'] == 'consent', report)
    prompt(reader, time.monotonic(), before)
    once(lab, reader, 'ble-central')
    ended(reader)


@case('a fresh code ends the transaction in work')
def superseded(lab):
    reader, holder, announced = thinking(lab, 'ble-peripheral')
    reader.say(announced['engagement'])  # scanners see a code more than once
    # Another phone is another adapter: the first one hangs up on its own.
    _, second = steps.phone(lab, 'ble-central', adapter='hci2')
    begun = time.monotonic()
    reader.say(second['engagement'])
    served(reader, 'session.terminated')
    expect(time.monotonic() - begun < PROMPT, 'the first one goes on')
    served(reader, None)
    ended(reader)


@case('what is no code of a phone')
def no_code(lab):
    reader = counter(lab)
    for text in ('4901234567894', 'mdoc://example.com/x', 'MDOC:AAAA', 'x' * 100_000):
        reader.say(text)
        served(reader, 'session.engagement')
    once(lab, reader)
    ended(reader)


@case('a wallet that offers only what the counter lacks')
def no_way(lab):
    reader = counter(lab, '--ble', 'central')
    _, announced = steps.phone(lab, 'ble-central')
    before, begun = waits(reader), time.monotonic()
    reader.say(announced['engagement'])
    served(reader, 'session.no_transport')
    prompt(reader, begun, before)
    reader.say(without_ble(announced['engagement']))
    served(reader, 'session.no_transport')
    ended(reader)


def without_ble(code):
    """The same engagement with a retrieval method that is not known."""
    scheme, _, text = code.partition(':')
    engagement = base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))
    # The method's head: an array of three, Bluetooth LE, version 1.
    expect(engagement.count(b'\x83\x02\x01') == 1, engagement.hex())
    engagement = engagement.replace(b'\x83\x02\x01', b'\x83\x04\x01')
    return f'{scheme}:{base64.urlsafe_b64encode(engagement).decode().rstrip("=")}'


@case('the end of the input during a transaction')
def end_of_input(lab):
    reader = counter(lab)
    _, announced = steps.phone(lab, 'ble-peripheral')
    reader.say(announced['engagement'])
    reader.process.stdin.close()
    served(reader, None)
    expect(reader.status(10) == 0, 'the counter ended badly')
    steps.bare_of_traces(lab)


@case('a killed counter leaves nothing behind')
def killed(lab):
    reader, *_ = thinking(lab, 'ble-central')
    reader.process.kill()
    wait_for('no advertisement', lambda: lab.bluetoothd_died() or lab.advertisements() == 0, 8)
    # BlueZ may die of a client that is killed; a system starts it again.
    lab.tidy()
    again = counter(lab)
    once(lab, again)
    ended(again)


def told_to_end(lab, transport):
    reader, holder, _ = thinking(lab, transport)
    reader.process.terminate()
    served(reader, 'session.terminated')
    expect(reader.status(PROMPT) == 0, 'the counter ended badly:', reader.errors()[-300:])
    expect(holder.status(10) == 0, 'the phone was not let go:', holder.errors())
    expect(not lab.bluetoothd_died(), 'bluetoothd died')
    steps.bare_of_traces(lab)


@case('a counter that is told to end lets the phone go')
def interrupted(lab):
    for transport in ('ble-peripheral', 'ble-central'):
        told_to_end(lab, transport)
    waiting = counter(lab)
    wait_for('the counter', lambda: waits(waiting) > 0)
    waiting.process.terminate()
    expect(waiting.status(PROMPT) == 0, 'the counter ended badly:', waiting.errors()[-300:])


@case('a phone that is told to end lets the reader go')
def phone_interrupted(lab):
    for transport in ('ble-peripheral', 'ble-central'):
        reader, holder, _ = thinking(lab, transport)
        holder.process.terminate()
        report = served(reader, 'session.transport')
        expect(report['phase'] == 'consent', report)
        expect(holder.status(10) == 0, 'the phone ended badly:', holder.errors())
        expect(not lab.bluetoothd_died(), 'bluetoothd died')
        ended(reader)


@case('a phone whose adapter is gone says so')
def phone_unplugged(lab):
    missing = lab.run('holder', 'present', '--transport', 'ble-peripheral', '--adapter', 'hci9', '--pki', steps.pki(lab))
    expect(missing.status(10) == 69, 'no adapter:', missing.status(), missing.errors())
    reader, holder, _ = thinking(lab, 'ble-central')
    lab.radio('unplug', adapter=1)
    served(reader, 'session.transport')
    expect(holder.status(10) == 69, 'adapter gone:', holder.status(), holder.errors())
    ended(reader)
