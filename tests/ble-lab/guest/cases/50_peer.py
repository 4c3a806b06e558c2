"""`reader` against an independent GATT peer without BlueZ (phone.py, by bumble), in both roles, at every ATT MTU.

The peer moves messages only; `holder` answers them over the loopback.
"""

from importlib import import_module

from lab import case, expect

steps = import_module('20_transactions')


def add(role, mtu):
    @case(f'independent peer as GATT {role}, MTU {mtu}', sets=['one-channel'] if mtu in (185, 515) else None)
    def peer(lab):
        transport = 'ble-peripheral' if role == 'server' else 'ble-central'
        holder = lab.run('holder', 'present', '--transport', transport, '--bridge', '--pki', steps.pki(lab))
        announced = holder.line()
        port = int(announced['listening'].rpartition(':')[2])
        number = lab.phone(role=role, uuid=announced['uuid'], mtu=mtu, bridge=port)
        steps.accepted(steps.read(lab, announced))
        state = lab.radio('phone-state', phone=number)
        agreed = {'phone': number, **state}
        lab.note(f'{agreed}')
        expect(holder.status(10) == 0, holder.errors())
        steps.bare_of_traces(lab)


for gatt_role in ('server', 'client'):
    for largest in (23, 185, 515, 517):
        add(gatt_role, largest)
