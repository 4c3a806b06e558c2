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
    for pause in (0, 500, 1000, 2000, 5000, 10000, 20000):
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

