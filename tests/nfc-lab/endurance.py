#!/usr/bin/env python3
"""Many transactions in one `reader serve`, by every input that takes no radio, in turn; nothing may be left of any.

    endurance.py WORK TRANSACTIONS

WORK has the folder `programs` with reader and holder, and `pki`. The PC/SC service runs, and `vpcd` is its reader. Codes come
by standard input, by a scanner on a serial port (a pseudo-terminal) and by what a camera sees (a recording that goes on for
as long as the counter does, through a named pipe); phones are held to the reader with both kinds of handover, and the data
goes over NFC, or over a loopback connection where Bluetooth was negotiated. Prints figures; status 0 where all is well.
"""

import itertools
import json
import os
import pathlib
import pty
import queue
import signal
import statistics
import subprocess
import sys
import threading
import time

work = pathlib.Path(sys.argv[1])
# The first so many transactions pay for what is set up once.
WARM_UP = 100
# What the process may grow by in all the others. An answer is some kilobytes, its record with a portrait some 30.
GROWTH = 1024 * 1024
PATIENCE = 30
# Where the messages go in the place of Bluetooth, and the two slots of the virtual reader. This network is the lab's own.
LOOPBACK = '127.0.0.1:35990'
SLOTS = ['127.0.0.1:35963', '127.0.0.1:35964']
# The picture of the camera, and pixels of a module.
WIDTH, HEIGHT, MODULE = 480, 360, 4


class Failed(Exception):
    """Why it failed."""


def expect(condition, *why):
    if not condition:
        raise Failed(' '.join(str(word) for word in why))


class Phone:
    """A simulated phone that answers one reader."""

    def __init__(self, *arguments):
        self.log = open(work / 'endurance.phone', 'w+')
        self.process = subprocess.Popen(
            [work / 'programs/holder', 'present', '--pki', work / 'pki', *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log)
        line = self.process.stdout.readline()
        expect(line, 'the phone does not start:', self.words())
        self.announced = json.loads(line)

    def words(self):
        return (work / 'endurance.phone').read_text()

    def picture(self):
        """Its code as a camera sees it, from what it has drawn in half blocks."""
        rows = []
        for line in self.words().splitlines():
            # Where the screen is lit the picture is bright.
            if line and not line.strip('█▀▄ '):
                rows.append([character in '█▀' for character in line])
                rows.append([character in '█▄' for character in line])
        expect(rows and len(rows) * MODULE <= HEIGHT, 'the code is not in the picture:', len(rows))
        picture = bytearray()
        for row in rows:
            line = b''.join(bytes([220 if lit else 30]) * MODULE for lit in row)
            picture += line.ljust(WIDTH, b'\xdc') * MODULE
        return bytes(picture).ljust(WIDTH * HEIGHT, b'\xdc')

    def leaves(self):
        """By itself, when all is said."""
        try:
            self.process.wait(5)
        finally:
            self.taken_away()

    def taken_away(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()


class Counter:
    """`reader serve` with all inputs."""

    def __init__(self):
        self.scanner, device = pty.openpty()
        camera = work / 'endurance.camera'
        camera.unlink(missing_ok=True)
        os.mkfifo(camera)
        # For both directions: opening waits for nobody.
        self.camera = os.open(camera, os.O_RDWR)
        os.write(self.camera, f'YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Cmono\n'.encode())
        self.log = open(work / 'endurance.log', 'w+')
        self.process = subprocess.Popen(
            [work / 'programs/reader', 'serve', '--purpose', 'age-20', '--trust', work / 'pki/trust', '--nfc',
             '--connect', f'tcp://{LOOPBACK}', '--scanner-serial', os.ttyname(device), '--camera-recording', camera],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        os.close(device)
        self.results = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()
        self.wait_for('the scanner', lambda: ': ready' in self.words())

    def listen(self):
        for line in self.process.stdout:
            self.results.put(json.loads(line))

    def words(self):
        return (work / 'endurance.log').read_text()

    def wait_for(self, what, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            expect(self.process.poll() is None, 'the counter ended:', self.words()[-500:])
            expect(time.monotonic() < end, f'waited {PATIENCE} s for {what}')
            time.sleep(0.02)

    def result(self, seconds=PATIENCE):
        """The next one; none where none comes."""
        try:
            return self.results.get(timeout=seconds)
        except queue.Empty:
            return None

    def resources(self):
        """Bytes of memory, descriptors and tasks."""
        process = pathlib.Path(f'/proc/{self.process.pid}')
        expect(process.joinpath('exe').samefile(work / 'programs/reader'), 'another process is measured')
        pages = int((process / 'statm').read_text().split()[1])
        return (pages * os.sysconf('SC_PAGE_SIZE'), len(os.listdir(process / 'fd')), len(os.listdir(process / 'task')))

    # --- Inputs ----------------------------------------------------------------------------------------------------

    def types(self, phone):
        self.process.stdin.write(phone.announced['engagement'].encode() + b'\n')
        self.process.stdin.flush()

    def scans(self, phone):
        os.write(self.scanner, phone.announced['engagement'].encode() + b'\r')

    def sees(self, phone):
        frame = b'FRAME\n' + phone.picture()
        while frame:
            frame = frame[os.write(self.camera, frame):]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        expect(self.process.wait(10) == 0, 'the counter ended badly:', self.words()[-500:])


CODE = ['--transport', 'ble-peripheral', '--bridge', '--listen', LOOPBACK]


def by_code(show, *more):
    """A transaction that begins with a code, shown in this way."""
    def transaction(counter, _):
        phone = Phone(*CODE, *more)
        show(counter, phone)
        report = counter.result()
        phone.leaves()
        return report
    return transaction


def by_touch(handover, *more):
    """A transaction that begins with a phone on the reader."""
    def transaction(counter, slot):
        phone = Phone('--nfc', handover, '--vpcd', slot, *more)
        report = counter.result()
        phone.leaves()
        return report
    return transaction


BRIDGE = ['--bridge', '--listen', LOOPBACK]
# Those that take little time.
CODES = {
    'standard input': by_code(Counter.types),
    'serial scanner': by_code(Counter.scans),
}
CAMERA = {'camera': by_code(Counter.sees, '--qr')}
TOUCHES = {
    'static handover, data over NFC': by_touch('static', '--transport', 'nfc'),
    'negotiated handover, data over NFC': by_touch('negotiated', '--transport', 'nfc'),
    'static handover, data elsewhere': by_touch('static', '--transport', 'ble-peripheral', *BRIDGE),
    'negotiated handover, data elsewhere': by_touch('negotiated', '--transport', 'ble-central', *BRIDGE),
}


def turns():
    """Two quick codes, then the camera or a touch: a reader that has just read a phone wants an empty field first."""
    for touch in itertools.cycle(TOUCHES.items()):
        for slow in (*CAMERA.items(), touch):
            yield from (*CODES.items(), slow)


def at_rest(counter):
    """Resources once the last connection is down: when descriptors and tasks have stayed the same for a while."""
    readings = [counter.resources()]

    def is_still():
        time.sleep(0.3)
        readings.append(counter.resources())
        return len({reading[1:] for reading in readings[-6:]}) == 1 and len(readings) >= 6

    counter.wait_for('rest', is_still)
    return readings[-1]


def endure(total):
    counter = Counter()
    seconds = {name: [] for name in CODES | CAMERA | TOUCHES}
    touches, start = 0, time.monotonic()
    try:
        for done, (name, transaction) in enumerate(itertools.islice(turns(), total), 1):
            begun = time.monotonic()
            report = transaction(counter, SLOTS[touches % len(SLOTS)])
            seconds[name].append(time.monotonic() - begun)
            touches += name in TOUCHES
            expect(report, f'{name}: nothing came of transaction {done}:', counter.words()[-500:])
            expect(report['verdict'] == 'accepted', f'{name}: transaction {done}:', json.dumps(report)[:300])
            if done == WARM_UP:
                before = at_rest(counter)
        after = at_rest(counter)
        expect(counter.results.empty(), 'a result too many')
        grown = after[0] - before[0]
        for name, taken in seconds.items():
            print(f'  {len(taken)} by {name}, {statistics.mean(taken) * 1e3:.0f} ms each')
        print(f'  {done} transactions in {time.monotonic() - start:.0f} s; {after[0] / 1e6:.1f} MB resident, {grown / 1e3:+.0f} kB since '
              f'the first {WARM_UP}; {after[1]} descriptors and {after[2]} tasks, then {before[1]} and {before[2]}')
        expect(after[1:] == before[1:], 'descriptors and tasks are not what they were')
        expect(grown <= GROWTH, f'memory grew by {grown} bytes in {done - WARM_UP} transactions')
        counter.end()
    finally:
        counter.process.kill()
        counter.process.wait()


if __name__ == '__main__':
    try:
        endure(int(sys.argv[2]))
    except Failed as failed:
        sys.exit(f'failed: {failed}')
