"""A phone whose Bluetooth is not BlueZ (phone.py), in each role at each MTU; `holder` only knows the messages."""

import re

from lab import case, expect, wait_for

transactions = __import__('20_transactions')

ROLES = {'server': 'ble-peripheral', 'client': 'ble-central'}


def restarted(lab):
    """bluetoothd 5.66 often dies of a link that is lost while it is being subscribed over; a system starts it again."""
    if lab.bluetoothd_died():
        lab.start_bluetoothd()


def bridged(lab, role, mtu, *more, lose=False):
    holder, announced = transactions.phone(lab, ROLES[role], '--bridge')
    port = int(announced['listening'].rpartition(':')[2])
    phone = lab.phone(role=role, uuid=announced['uuid'], mtu=mtu, bridge=port, lose=lose)
    reader = transactions.read(lab, announced, *more)
    if lose:
        wait_for('a report', lambda: restarted(lab) or reader.lines(), 50)
    transactions.accepted(reader)
    return lab.radio('phone-state', phone=phone)['log']


def mtu_case(role, mtu):
    @case(f'independent phone as GATT {role}, MTU {mtu}')
    def run(lab):
        log = bridged(lab, role, mtu)
        # The reader's request came whole and the record of 25 KB went back over the same ATT_MTU.
        expect(any(line.startswith('message ') for line in log), 'no request came:', log)
        expect(any(re.fullmatch(r'sent \d{5}', line) for line in log), 'no response went:', log)
        lab.note([line for line in log if line.startswith(('message', 'sent', 'mtu'))])


for role in ROLES:
    for mtu in (23, 185, 515, 517):
        mtu_case(role, mtu)


@case('independent phone as GATT server, the reader by btleplug')
def portable(lab):
    bridged(lab, 'server', 185, '--central', 'btleplug')


@case('independent phone as GATT server, lost before the start, comes again with the same code')
def lost(lab):
    log = bridged(lab, 'server', 185, lose=True)
    expect('loses the link' in log and log.count('connected') == 2, 'no link was lost:', log)
