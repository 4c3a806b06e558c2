"""Each fault of a Bluetooth link, with the reason and the phase that `holder present --help` promises."""

from importlib import import_module

from lab import case

steps = import_module('20_transactions')

# Fault, what carries the messages, what the reader must say.
LINKS = [
    ('lost-before-start', 'ble-central', None),
    ('late-start', 'ble-central', None),
    ('no-start', 'ble-central', ('session.timeout', 'connect')),
    ('wrong-ident', 'ble-central', ('session.timeout', 'connect')),
    ('lost-after-request', 'ble-peripheral', ('session.transport', 'consent')),
    ('lost-after-request', 'ble-central', ('session.transport', 'consent')),
    ('lost-after-request', 'l2cap', ('session.transport', 'consent')),
    ('lost-in-response', 'ble-peripheral', ('session.transport', 'receive')),
    ('lost-in-response', 'ble-central', ('session.transport', 'receive')),
    ('lost-in-response', 'l2cap', ('session.transport', 'receive')),
    ('disconnect-after-response', 'ble-peripheral', None),
    ('disconnect-after-response', 'ble-central', None),
    ('disconnect-after-response', 'l2cap', None),
    ('bad-prefix', 'ble-peripheral', ('session.decoding', 'consent')),
    ('bad-prefix', 'ble-central', ('session.decoding', 'consent')),
    ('missing-last-part', 'ble-peripheral', ('session.timeout', 'receive')),
    ('missing-last-part', 'ble-central', ('session.timeout', 'receive')),
    ('missing-last-part', 'l2cap', ('session.timeout', 'receive')),
    ('oversize', 'ble-peripheral', ('session.decoding', 'receive')),
    ('oversize', 'ble-central', ('session.decoding', 'receive')),
    ('oversize', 'l2cap', ('session.decoding', 'consent')),
    ('mtu-changes', 'ble-peripheral', None),
    ('mtu-changes', 'ble-central', None),
    ('mtu-changes', 'l2cap', None),
    ('empty-last-part', 'ble-peripheral', None),
    ('empty-last-part', 'ble-central', None),
    ('end-by-status', 'ble-peripheral', None),
    ('end-by-status', 'ble-central', None),
    ('end-by-status', 'l2cap', None),
    ('end-by-state', 'ble-peripheral', None),
    ('end-by-state', 'ble-central', None),
    ('second-central', 'ble-central', None),
    ('silent', 'ble-peripheral', ('session.timeout', 'consent')),
    ('silent', 'ble-central', ('session.timeout', 'consent')),
    ('garbage', 'ble-peripheral', ('session.decoding', 'consent')),
    ('bad-tag', 'ble-central', ('session.decryption', None)),
]


def add(fault, transport, expected):
    @case(f'{fault}, {transport}', seconds=90)
    def faulty(lab):
        more = ['--second-adapter', 'hci2'] if fault == 'second-central' else []
        # Oversize takes its time: nothing on this radio is faster than its processor.
        times = ['--connect-timeout', 8, '--consent-timeout', 5, '--receive-timeout', 60 if fault == 'oversize' else 4]
        if expected is None:
            times = []
        _, announced = steps.phone(lab, transport, '--fault', fault, *more)
        reader = steps.read(lab, announced, *times, purpose=steps.LARGE)
        if expected is None:
            steps.accepted(reader)
        else:
            steps.refused(reader, *expected, seconds=80)
        steps.bare_of_traces(lab)


for link in LINKS:
    add(*link)
