"""A phone whose Bluetooth is not BlueZ (phone.py), in each role at each MTU; `holder` only knows the messages."""

import re

from lab import case, expect

transactions = __import__('20_transactions')

ROLES = {'server': 'ble-peripheral', 'client': 'ble-central'}


def bridged(lab, role, mtu, *more):
    holder, announced = transactions.phone(lab, ROLES[role], '--bridge')
    port = int(announced['listening'].rpartition(':')[2])
    phone = lab.phone(role=role, uuid=announced['uuid'], mtu=mtu, bridge=port)
    transactions.accepted(transactions.read(lab, announced, *more))
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
