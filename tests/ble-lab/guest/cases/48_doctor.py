"""`reader doctor` on a real bluetoothd and a real service for NFC readers."""

import json
import shutil
import subprocess
from importlib import import_module

from lab import case, expect, wait_for

steps = import_module('20_transactions')

AT_ONCE = '671b10b5-42c0-4696-9227-eb28d1b049d6'
ANCHORS_ALONE = '/run/lab/anchors-alone'
STATUS = {'ok': 0, 'warning': 1, 'fault': 2}
# What the two settings of bluetoothd come to in each set.
CHANNELS = {'one-channel': 'ok', 'default': 'warning'}
WELL = {'bluetooth_adapter': 'ok', 'bluetooth_roles': 'ok', 'bluetooth_service': 'ok'}
# Beside Bluetooth there is nothing to find fault with.
OTHERS = {'configuration': 'ok', 'purpose': 'ok', 'trust': 'ok', 'reader_cert': 'ok', 'clock': 'ok', 'nfc': 'ok'}


def doctor(lab, *more, user=None):
    """What it finds, by the name of the check, and its exit status, which must be that of the worst."""
    options = {'user': user} if user else {}
    # One of the test issuer's lists is past its end, for other tests.
    shutil.copytree(f'{steps.pki(lab)}/trust/anchors', f'{ANCHORS_ALONE}/anchors', dirs_exist_ok=True)
    found = lab.run('reader', 'doctor', '--json', '--purpose', steps.SMALL, '--trust', ANCHORS_ALONE, *more, **options)
    findings = found.line()
    status = found.status()
    expect(status == max(STATUS[finding['result']] for finding in findings), status, findings)
    expect(not found.errors(), found.errors())
    by_check = {finding['check']: finding for finding in findings}
    expect(len(by_check) == len(findings), 'a check is told twice:', findings)
    for finding in findings:
        expect((finding['next_step'] is None) == (finding['result'] == 'ok'), finding)
    return by_check, status


def finds(lab, expected, status, *more, **options):
    """Just these checks, and this status."""
    findings, ended = doctor(lab, *more, **options)
    results = {check: finding['result'] for check, finding in findings.items()}
    expected = OTHERS | expected
    expect(results == expected, 'found', json.dumps(findings), 'and not', expected)
    expect(ended == status, 'ended with', ended)
    return findings


def settings(lab):
    return {'bluetooth_channels': CHANNELS[lab.set], 'bluetooth_mtu': CHANNELS[lab.set]}


def worst(lab):
    return STATUS[CHANNELS[lab.set]]


def well(lab, *more):
    return finds(lab, WELL | settings(lab), worst(lab), '--adapter', 'hci0', *more)


@case('the doctor where all is well, and what it says of the settings')
def all_well(lab):
    findings = well(lab)
    expect(findings['bluetooth_service']['detail'] == f'BlueZ {version(lab)} runs', findings)
    expect(findings['bluetooth_adapter']['detail'] == 'hci0 is there and switched on', findings)
    for check, setting in (('bluetooth_channels', 'Channels = 1'), ('bluetooth_mtu', 'ExchangeMTU = 512')):
        step = findings[check]['next_step'] or ''
        expect((setting in step) == (lab.set == 'default'), findings[check])
    # It looked, and left everything as it was.
    expect(lab.advertisements() == 0, 'it advertises')
    steps.whole(lab, 'ble-peripheral', purpose=steps.SMALL)


def version(lab):
    """What bluetoothd says that it is, to those who start it."""
    program = lab.target / 'packages/usr/libexec/bluetooth/bluetoothd'
    return subprocess.run([program, '--version'], capture_output=True, text=True, env=lab.own_libraries()).stdout.strip()


@case('the doctor where the adapter is switched off')
def switched_off(lab):
    lab.set_powered('hci0', False)
    try:
        findings = finds(lab, WELL | settings(lab) | {'bluetooth_adapter': 'warning'}, 1, '--adapter', 'hci0')
        expect(findings['bluetooth_adapter']['detail'] == 'hci0 is switched off', findings)
        adapters = lab.adapter_objects()
        expect(not adapters['/org/bluez/hci0']['Powered'], 'it was switched on')
    finally:
        lab.set_powered('hci0', True)
    wait_for('power', lambda: lab.adapter_objects()['/org/bluez/hci0']['Powered'])
    well(lab)


@case('the doctor where the adapter is unplugged')
def unplugged(lab):
    lab.radio('unplug', adapter=0)
    wait_for('the adapter to go', lambda: '/org/bluez/hci0' not in lab.adapter_objects())
    findings = finds(lab, {'bluetooth_adapter': 'fault'}, 2, '--adapter', 'hci0')
    expect(findings['bluetooth_adapter']['detail'] == 'there is no Bluetooth adapter hci0, but hci1, hci2', findings)
    # One that is not named is whichever there is.
    findings = finds(lab, WELL | settings(lab), worst(lab))
    expect(findings['bluetooth_adapter']['detail'] == 'hci1 is there and switched on', findings)
    for adapter in (1, 2):
        lab.radio('unplug', adapter=adapter)
    wait_for('the adapters to go', lambda: not lab.adapter_objects())
    findings = finds(lab, {'bluetooth_adapter': 'fault'}, 2, '--adapter', 'hci0')
    expect(findings['bluetooth_adapter']['detail'] == 'there is no Bluetooth adapter', findings)
    for _ in range(3):
        lab.radio('plug')
    lab.adapters_ready()
    well(lab)


@case('the doctor where bluetoothd does not run')
def stopped(lab):
    lab.stop_bluetoothd()
    findings = finds(lab, {'bluetooth_service': 'fault'}, 2, '--adapter', 'hci0')
    expect(findings['bluetooth_service']['detail'] == 'the Bluetooth service does not run', findings)
    # BlueZ tells of both roles at once with a feature of the kernel that it calls experimental.
    lab.start_bluetoothd(f'--kernel={AT_ONCE}')
    lab.adapters_ready()
    expect('both roles, also at once; ' in well(lab)['bluetooth_roles']['detail'], 'not at once')
    lab.stop_bluetoothd()
    lab.start_bluetoothd()
    lab.adapters_ready()
    expect('BlueZ does not tell whether at once; ' in well(lab)['bluetooth_roles']['detail'], 'told')


@case('the doctor where all places for advertisements are taken')
def taken(lab):
    def free():
        return lab.objects()['/org/bluez/hci0']['org.bluez.LEAdvertisingManager1']['SupportedInstances']

    while free() > 0:
        steps.phone(lab, 'ble-peripheral', adapter='hci0')
    findings = finds(lab, WELL | settings(lab) | {'bluetooth_roles': 'warning'}, 1, '--adapter', 'hci0')
    expect(findings['bluetooth_roles']['detail'] == 'hci0: all places for advertisements are taken', findings)
    # A reader that only looks for phones needs none.
    well(lab, '--ble', 'central')
    # Room for one is enough.
    lab.programs[0].end()
    wait_for('a free place', lambda: free() == 1)
    well(lab)


@case('the doctor as a user who may not use Bluetooth')
def forbidden(lab):
    finds(lab, {'bluetooth_permission': 'fault'}, 2, '--adapter', 'hci0', user='nobody')
    well(lab)


@case('the doctor and the service for NFC readers', sets=['one-channel'])
def near(lab):
    expected = WELL | settings(lab)

    def of_nfc(found, status, *more):
        findings, ended = doctor(lab, '--adapter', 'hci0', '--nfc', *more)
        results = {check: finding['result'] for check, finding in findings.items()}
        others = {check: result for check, result in OTHERS.items() if check != 'nfc'}
        expect(results == others | expected | found, json.dumps(findings))
        expect(ended == status, ended)

    of_nfc({'nfc_service': 'fault'}, 2)
    lab.start_pcscd(virtual_readers=False)
    of_nfc({'nfc_service': 'ok', 'nfc_reader': 'fault'}, 2)
    of_nfc({'nfc_service': 'ok', 'nfc_reader': 'fault'}, 2, '--nfc-reader', 'elsewhere')
    lab.stop_pcscd()
    lab.start_pcscd()
    of_nfc({'nfc_service': 'ok', 'nfc_reader': 'ok'}, 0)
    of_nfc({'nfc_service': 'ok', 'nfc_reader': 'fault'}, 2, '--nfc-reader', 'elsewhere')
    lab.stop_pcscd()
    of_nfc({'nfc_service': 'fault'}, 2)
