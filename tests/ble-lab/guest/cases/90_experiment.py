"""What README.md says about BlueZ, found out. The figures are in the notes; nothing here passes or fails by them."""

import itertools
import time

from lab import case

bare = __import__('10_bare')


@case('order', sets=['experiment'], seconds=300)
def order(lab):
    ways = ['socket', 'bus']
    for client_writes, server_writes, server_notifies, client_notifies in itertools.product(ways, ways, ways, ways):
        for _ in range(1):
            lab.note(client_writes, server_writes, server_notifies, client_notifies)
            try:
                bare.exchange(lab, '--value', 500, '--writes', client_writes, '--notifications', client_notifies,
                              server=['--writes', server_writes, '--notifications', server_notifies])
            except Exception as error:
                lab.note('broke', str(error)[-200:])
            lab.tidy()


@case('pauses', sets=['experiment'], seconds=300)
def pauses(lab):
    for pause in (0, 1000, 5000, 20000):
        lab.note(f'pause {pause} us')
        bare.exchange(lab, '--value', 500, '--pause', pause, server=['--pause', pause])
        lab.tidy()


@case('interval', sets=['experiment'])
def interval(lab):
    for arguments in ([], ['--interval', '30']):
        serving = lab.run('ble-bare', 'server', '--adapter', 'hci1', *arguments)
        serving.line()
        time.sleep(0.5)
        lab.note(arguments, lab.radio('state')['adapters']['1'])
        lab.tidy()


@case('sizes', sets=['experiment'], seconds=300)
def sizes(lab):
    for size in (508, 509, 510, 511, 512):
        for way in ('socket', 'bus'):
            try:
                up, down = bare.exchange(lab, '--bytes', 10 * size, '--value', size, '--writes', way)
            except Exception as error:
                lab.note(size, way, 'broke', str(error)[-300:])
            lab.tidy()


SERVICE = '11112222-3333-4444-5555-666677778888'
COUNT = 80


@case('who reorders, BlueZ as client', sets=['experiment'], seconds=120)
def bluez_client(lab):
    for writes, notifications in (('socket', 'socket'), ('bus', 'bus'), ('socket', 'socket'), ('bus', 'bus')):
        phone = lab.phone(role='server', uuid=SERVICE, mtu=517, bearers=2, count=COUNT)
        down = lab.run('ble-bare', 'client', '--adapter', 'hci0', '--value', 500, '--bytes', 500 * COUNT,
                       '--writes', writes, '--notifications', notifications).line(60)
        lab.note(f'{writes}: BlueZ sent: {lab.radio("phone-state", phone=phone)}')
        lab.note(f'{notifications}: BlueZ received: {down}')
        lab.tidy()


@case('who reorders, BlueZ as server', sets=['experiment'], seconds=120)
def bluez_server(lab):
    for writes, notifications in (('socket', 'socket'), ('bus', 'bus'), ('socket', 'socket'), ('bus', 'bus')):
        serving = lab.run('ble-bare', 'server', '--adapter', 'hci0', '--writes', writes, '--notifications', notifications)
        serving.line()
        phone = lab.phone(role='client', uuid=SERVICE, mtu=517, bearers=2, count=COUNT)
        try:
            lab.note(f'{writes}: BlueZ received: {serving.line(30)}')
        finally:
            time.sleep(2)
            lab.note(f'{notifications}: BlueZ sent: {lab.radio("phone-state", phone=phone)}')
        lab.tidy()


@case('size of notifications', sets=['experiment'], seconds=60)
def notification_sizes(lab):
    # Echoed in parts of 512, as the ATT_MTU allows: the same parts again.
    for way in ('socket', 'bus'):
        lab.phone(role='server', uuid=SERVICE, mtu=517)
        down = lab.run('ble-bare', 'client', '--adapter', 'hci0', '--value', 512, '--bytes', 20 * 512,
                       '--notifications', way).line(30)
        lab.note(f'{way}: BlueZ received: {down}')
        lab.tidy()
