"""Many transactions in one `reader serve` over Bluetooth, by every input of this machine in turn; nothing may be left of any.
A thousand without a radio are in tests/nfc-lab."""

import os
import time
from importlib import import_module

from lab import Failed, case, expect, wait_for

steps = import_module('20_transactions')
counters = import_module('40_counter')
scanners = import_module('45_scanner')
near = import_module('47_near')

TRANSACTIONS = 40
# The first of them pay for what is set up once.
WARM_UP = 10
# What the process may grow by in the others, in bytes.
GROWTH = 1024 * 1024


def resources(reader):
    """Descriptors and tasks."""
    return reader.descriptors(), len(os.listdir(f'/proc/{reader.process.pid}/task'))


def still(reader):
    """Resources once they have stayed the same for a while: the last connection is down."""
    readings = []

    def is_still():
        readings.append(resources(reader))
        time.sleep(0.25)
        return len(readings) >= 12 and len(set(readings[-12:])) == 1

    wait_for('the last connection to be down', is_still, 20)
    return readings[-1]


def at_rest(lab, reader, without):
    """Resources with the thread and the connection to the system that the counter keeps. It takes new ones after a transaction
    that did not end in time: then it has as many as `without`, and one more transaction shows the others."""
    for _ in range(3):
        if (found := still(reader)) != without:
            break
        holder, announced = steps.phone(lab, 'ble-peripheral', adapter='hci2')
        reader.say(announced['engagement'])
        counters.served(reader, None)
        left(lab, holder)
    return found


def left(lab, holder):
    """A phone has ended by itself, and need not be kept in mind."""
    expect(holder.status(10) == 0, 'a phone ended badly:', holder.errors())
    lab.programs.remove(holder)


@case('forty transactions by every input in turn leave nothing behind', sets=['one-channel'], seconds=300)
def endure(lab):
    scanner, keyboard = scanners.Serial('/run/lab/scanner'), scanners.Keyboard('a scanner')
    reader = near.near(lab, '--scanner-serial', scanner.name, '--scanner-keyboard', keyboard.path)
    wait_for('both scanners', lambda: reader.errors().count(': ready') == 2)

    def by_code(show):
        def transaction(transport, adapter):
            holder, announced = steps.phone(lab, transport, adapter=adapter)
            show(announced['engagement'])
            return holder
        return transaction

    def types(code):
        """The queue of a device is short, and a busy machine may come late to it: then the clerk scans once more."""
        engaged, lost = (reader.errors().count(words) for words in ('reader: engaged', '(scanner.lost)'))
        keyboard.types(code, scanners.US)
        wait_for('what became of the keys', lambda: reader.errors().count('reader: engaged') > engaged or
                 reader.errors().count('(scanner.lost)') > lost)
        if reader.errors().count('(scanner.lost)') > lost:
            keyboard.types(code, scanners.US)

    def by_touch(handover):
        def transaction(transport, adapter):
            return near.touch(lab, handover, transport, adapter=adapter, slot=number // 2 % 2)
        return transaction

    ways = {
        'standard input': by_code(reader.say),
        'serial scanner': by_code(lambda code: scanner.sends(f'{code}\r')),
        'negotiated handover': by_touch('negotiated'),
        'keyboard': by_code(types),
        'static handover': by_touch('static'),
    }
    transports = ('ble-peripheral', 'ble-central')
    without = still(reader)
    before, begun, leaving = None, time.monotonic(), {}
    for number in range(TRANSACTIONS):
        way = list(ways)[number % len(ways)]
        # Five ways and two roles: each way comes in both. The phone before is still hanging up on the other adapter.
        adapter = f'hci{1 + number % 2}'
        if adapter in leaving:
            left(lab, leaving.pop(adapter))
        holder = leaving[adapter] = ways[way](transports[number % 2], adapter)
        try:
            counters.served(reader, None)
        except Failed as failed:
            raise Failed(f'transaction {number + 1}, {way}:', failed) from None
        if number + 1 == WARM_UP:
            before = at_rest(lab, reader, without), reader.resident()
    for holder in leaving.values():
        left(lab, holder)
    leaving.clear()
    after = at_rest(lab, reader, without), reader.resident()
    grown = after[1] - before[1]
    lab.note(f'{TRANSACTIONS} transactions in {time.monotonic() - begun:.0f} s; {after[1] / 1e6:.1f} MB resident, {grown / 1e3:+.0f} kB '
             f'since the first {WARM_UP}; {after[0][0]} descriptors and {after[0][1]} tasks')
    expect(after[0] == before[0], 'descriptors and tasks were', before[0], 'and are', after[0])
    expect(grown <= GROWTH, f'memory grew by {grown} bytes')
    expect(after[0] != without, 'the connection to the system is not kept')
    expect(len(reader.lines()) == reader.taken, len(reader.lines()), 'results, and not', reader.taken)
    steps.bare_of_traces(lab)
    scanners.ended(reader)
    keyboard.unplug()
    scanner.unplug()
