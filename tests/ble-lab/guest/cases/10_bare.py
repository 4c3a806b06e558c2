"""The bare loop: the stack itself, and what the programs' throughput is measured against."""

from lab import case, expect


def exchange(lab, *client, server=(), quiet=False):
    """One exchange of bare client and server; what arrived at the server and at the client."""
    serving = lab.run('ble-bare', 'server', '--adapter', 'hci1', *server)
    expect(serving.line() == {'serving': True}, 'the bare server does not serve')
    exchanging = lab.run('ble-bare', 'client', '--adapter', 'hci0', *client)
    down = exchanging.line()
    up = serving.line()
    # It hangs up by itself: bluetoothd 5.66 often dies when a client is killed while it is connected.
    expect(exchanging.status() == 0, 'the bare client ended badly:', exchanging.errors())
    serving.end()
    if not quiet:
        lab.note(f'up {up}, down {down}')
    return up, down


@case('bare loop', sets=['one-channel'])
def bare_loop(lab):
    for way in exchange(lab):
        expect(way['received'] == way['of'] and way['reordered'] == 0, 'parts were lost or reordered:', way)
