"""How fast: the programs beside the bare loop on the same stack, in the same run. Figures are shown, not judged."""

import os
import re
import time
from importlib import import_module

from lab import case, expect

bare = import_module('10_bare')
steps = import_module('20_transactions')
counters = import_module('40_counter')
independent = import_module('50_independent_phone')
ROUNDS = 5
# Makes a response of 40 KB.
PORTRAIT = 38_000
# Makes one of 3 KB with the purpose that the counter asks for.
SMALL_PORTRAIT = 100
# The bare loop rests as long (milliseconds): by then the stack is done with connecting.
CONSENT = 300


def median(values):
    return sorted(values)[len(values) // 2]


def bare_rates(lab):
    """Bytes a second of the bare loop: what the client received, and what the server did."""
    up, down = bare.exchange(lab, quiet=True)
    lab.forget_devices()
    return {way: values['received'] * values['value'] / values['seconds'] for way, values in (('down', down), ('up', up))}


def product_rate(lab, transport, *more):
    """Bytes of a response and how many a second, from its first part to its last."""
    holder, announced = steps.phone(lab, transport, '--portrait-bytes', PORTRAIT, '--consent-after', CONSENT)
    reader = lab.run('reader', 'read', '--qr', announced['engagement'], '--adapter', 'hci0', '--purpose', steps.LARGE,
                     '--trust', f'{steps.pki(lab)}/trust', *more, env={**os.environ, 'RUST_LOG': 'reader=debug'})
    steps.accepted(reader)
    text = re.sub(r'\x1b\[[0-9;]*m', '', reader.errors())
    found = re.search(r'bytes=(\d+) micros=(\d+)', text)
    expect(found, 'no figure:', text[-500:])
    holder.status(10)
    lab.forget_devices()
    return int(found[1]), int(found[1]) / int(found[2]) * 1e6


# Name, how the phone is reached, the way of the bare loop that goes like it, flags of the reader.
WAYS = [
    ('ble_central', 'ble-peripheral', 'down', []),
    ('ble_peripheral', 'ble-central', 'up', []),
    ('ble_central by btleplug', 'ble-peripheral', 'down', ['--central', 'btleplug']),
]


@case('speed beside the bare loop', sets=['speed'], seconds=300)
def speed(lab):
    loops, measured = [], {name: [] for name, *_ in WAYS}
    # In turn, so that all see the same machine.
    for _ in range(ROUNDS):
        loops.append(bare_rates(lab))
        for name, transport, _, flags in WAYS:
            measured[name].append(product_rate(lab, transport, *flags))
    for name, _, way, _ in WAYS:
        size = median([size for size, _ in measured[name]])
        rate = median([rate for _, rate in measured[name]])
        loop = median([rates[way] for rates in loops])
        lab.note(f'{name} {rate / loop:.2f} ({size} bytes, {rate / 1e3:.0f} kB/s; bare loop {loop / 1e3:.0f} kB/s)')


def system_call():
    """Seconds of one: user-mode Linux pays dearly for each, also for those that cost nothing elsewhere."""
    rounds = 20_000
    begun = time.process_time()
    for _ in range(rounds):
        os.getppid()
    return (time.process_time() - begun) / rounds


class Independent:
    """Phones whose Bluetooth is not BlueZ, one for each transaction: the counter's BlueZ has its own end and no other, as beside
    a real phone."""

    def __init__(self, lab, role):
        self.lab, self.role = lab, role
        self.holder = None

    def engagement(self):
        self.end()
        transport = independent.ROLES[self.role]
        self.holder, announced = steps.phone(self.lab, transport, '--bridge', '--portrait-bytes', SMALL_PORTRAIT)
        port = int(announced['listening'].rpartition(':')[2])
        self.number = self.lab.phone(role=self.role, uuid=announced['uuid'], mtu=515, bridge=port)
        return announced['engagement']

    def end(self):
        if self.holder:
            self.holder.end()
            self.holder = None
            self.lab.phones.remove(self.number)
            self.lab.radio('phone-off', phone=self.number)


class Beside:
    """One phone for all transactions, with the counter's BlueZ: whatever happens at either end, BlueZ tells the counter."""

    def __init__(self, lab, transport):
        self.holder, self.announced = steps.phone(lab, transport, '--repeat', '--portrait-bytes', SMALL_PORTRAIT)

    def engagement(self):
        announced = self.announced or self.holder.line()
        self.announced = None
        return announced['engagement']

    def end(self):
        self.holder.end()


# Name, which phone, what kind it is and how it is reached, transactions.
PHONES = [
    ('ble_own_time', 'phone as GATT server', Independent, 'server', 17),
    ('ble_own_time', 'phone as GATT client', Independent, 'client', 17),
    ('ble_own_time beside its phone', 'phone as GATT server', Beside, 'ble-peripheral', 9),
    ('ble_own_time beside its phone', 'phone as GATT client', Beside, 'ble-central', 9),
]


@case('processor time of a transaction', sets=['speed'], seconds=300)
def own_time(lab):
    for name, what, kind, way, transactions in PHONES:
        # One line of the log for each transaction: how long the response was.
        reader = counters.counter(lab, env={**os.environ, 'RUST_LOG': 'reader::radio::worker=debug'})
        phones = kind(lab, way)
        spent = []
        engagement = phones.engagement()
        for _ in range(transactions):
            before = reader.cpu()
            reader.say(engagement)
            counters.served(reader, None)
            engagement = phones.engagement()
            spent.append(reader.cpu() - before)
        # The first one pays for what is set up once. A guest counts what its host does meanwhile as its own: hence the mean of
        # the middle half.
        spent = sorted(seconds * 1e3 for seconds in spent[1:])
        middle = spent[len(spent) // 4:-(len(spent) // 4)]
        plain = re.sub(r'\x1b\[[0-9;]*m', '', reader.errors())
        size = median([int(size) for size in re.findall(r'a message has come.*bytes=(\d+)', plain)])
        lab.note(f'{name} {sum(middle) / len(middle):.1f} ms ({what}, {spent[0]:.1f} to {spent[-1]:.1f}, {size} bytes; '
                 f'a system call takes {system_call() * 1e6:.1f} us here)')
        phones.end()
        counters.ended(reader)
