"""How fast: the programs beside the bare loop on the same stack, in the same run. Figures are shown, not judged."""

import os
import re
from importlib import import_module

from lab import case, expect

bare = import_module('10_bare')
steps = import_module('20_transactions')
counters = import_module('40_counter')
ROUNDS = 3


def median(values):
    return sorted(values)[len(values) // 2]


def bare_rates(lab):
    """Bytes a second of the bare loop: what the client received, and what the server did."""
    up, down = bare.exchange(lab)
    lab.forget_devices()
    return {way: values['received'] * values['value'] / values['seconds'] for way, values in (('down', down), ('up', up))}


def product_rate(lab, transport):
    holder, announced = steps.phone(lab, transport)
    reader = lab.run('reader', 'read', '--qr', announced['engagement'], '--adapter', 'hci0', '--purpose', steps.LARGE,
                     '--trust', f'{steps.pki(lab)}/trust', env={**os.environ, 'RUST_LOG': 'reader=debug'})
    steps.accepted(reader)
    text = re.sub(r'\x1b\[[0-9;]*m', '', reader.errors())
    found = re.search(r'bytes=(\d+) micros=(\d+)', text)
    expect(found, 'no figure:', text[-500:])
    holder.status(10)
    return int(found[1]) / int(found[2]) * 1e6


@case('speed beside the bare loop', sets=['one-channel'], seconds=150)
def speed(lab):
    bares = [bare_rates(lab)]
    for name, transport, way in (('ble_central', 'ble-peripheral', 'down'), ('ble_peripheral', 'ble-central', 'up')):
        rate = median([product_rate(lab, transport) for _ in range(ROUNDS)])
        loop = median([rates[way] for rates in bares])
        lab.note(f'{name} {rate / loop:.2f} ({rate / 1e3:.0f} kB/s; bare loop {loop / 1e3:.0f} kB/s)')


@case('processor time of a transaction', sets=['one-channel'], seconds=90)
def own_time(lab):
    reader = counters.counter(lab)
    holder, announced = steps.phone(lab, 'ble-peripheral', '--repeat')
    rounds = 6
    for number in range(rounds):
        if number == 1:
            before = reader.cpu()  # the first one pays for what is set up once
        reader.say(announced['engagement'])
        counters.served(reader, None)
        announced = holder.line()
    lab.note(f'ble_own_time {(reader.cpu() - before) / (rounds - 1) * 1e3:.0f} ms')
    holder.end()
    counters.ended(reader)
