"""`reader serve` with scanners: a serial port, whose other end is the case, and keyboards made with uinput."""

import fcntl
import glob
import os
import pathlib
import pty
import struct
import time
from importlib import import_module

from lab import case, expect, wait_for

steps = import_module('20_transactions')
counters = import_module('40_counter')

# linux/input-event-codes.h and linux/uinput.h.
EV_SYN, EV_KEY = 0, 1
UI_SET_EVBIT, UI_SET_KEYBIT = 0x40045564, 0x40045565
UI_DEV_SETUP, UI_DEV_CREATE, UI_DEV_DESTROY = 0x405C5503, 0x5501, 0x5502
ENTER, TAB, LEFT_SHIFT, CAPS_LOCK, KEYPAD_ENTER = 28, 15, 42, 58, 96
LETTERS = {letter: 16 + place for place, letter in enumerate('qwertyuiop')}
LETTERS |= {letter: 30 + place for place, letter in enumerate('asdfghjkl')}
LETTERS |= {letter: 44 + place for place, letter in enumerate('zxcvbnm')}
DIGITS = {digit: 2 + place for place, digit in enumerate('1234567890')}
# What the layouts do not have in common: the key, and whether shift is held.
US = {':': (39, True), '_': (12, True), '-': (12, False), ']': (27, False)}
JIS = {':': (40, False), '_': (89, True), '-': (12, False), ']': (43, False)}


class Keyboard:
    """A scanner that is a keyboard."""

    def __init__(self, name):
        before = set(glob.glob('/dev/input/event*'))
        self.file = os.open('/dev/uinput', os.O_WRONLY)
        fcntl.ioctl(self.file, UI_SET_EVBIT, EV_KEY)
        for key in range(1, 128):
            fcntl.ioctl(self.file, UI_SET_KEYBIT, key)
        fcntl.ioctl(self.file, UI_DEV_SETUP, struct.pack('HHHH80sI', 3, 1, 1, 1, name.encode(), 0))
        fcntl.ioctl(self.file, UI_DEV_CREATE)
        [self.path] = wait_for('the device', lambda: set(glob.glob('/dev/input/event*')) - before)

    def event(self, kind, code, value):
        os.write(self.file, struct.pack('llHHi', 0, 0, kind, code, value))

    def key(self, code, value):
        self.event(EV_KEY, code, value)
        self.event(EV_SYN, 0, 0)

    def tap(self, code):
        self.key(code, 1)
        self.key(code, 0)

    def types(self, text, layout, end=ENTER):
        """As a scanner with this layout; a real one takes a millisecond for a key, and the queue of a device is short."""
        for character in text:
            plain = character.lower()
            if plain in LETTERS:
                key, shift = LETTERS[plain], character != plain
            elif plain in DIGITS:
                key, shift = DIGITS[plain], False
            else:
                key, shift = layout[character]
            if shift:
                self.key(LEFT_SHIFT, 1)
            self.tap(key)
            if shift:
                self.key(LEFT_SHIFT, 0)
            time.sleep(0.001)
        if end:
            self.tap(end)

    def unplug(self):
        fcntl.ioctl(self.file, UI_DEV_DESTROY)
        os.close(self.file)


class Serial:
    """A scanner on a serial port of this name."""

    def __init__(self, name):
        self.name = pathlib.Path(name)
        self.cable, device = pty.openpty()
        self.name.unlink(missing_ok=True)
        self.name.symlink_to(os.ttyname(device))
        os.close(device)

    def sends(self, text):
        os.write(self.cable, text.encode())

    def unplug(self):
        self.name.unlink()
        os.close(self.cable)


def said(reader, words, seconds=20):
    wait_for(words, lambda: words in reader.errors(), seconds)


def ended(reader):
    """A counter with scanners ends when it is told to, and not before."""
    reader.process.stdin.close()
    time.sleep(0.2)
    expect(reader.process.poll() is None, 'the end of its input ended the counter')
    reader.process.terminate()
    expect(reader.status(10) == 0, 'the counter ended badly:', reader.errors()[-300:])


def silent(reader, *engagements):
    """Nothing of a code is on standard error."""
    words = reader.errors()
    for engagement in engagements:
        for part in (engagement[40:60], engagement[40:60].upper(), engagement[40:60].lower(), engagement[40:60].swapcase()):
            expect(part not in words, 'part of a code is on standard error')


def serial_case(lab, frame):
    scanner = Serial('/run/lab/scanner')
    reader = counters.counter(lab, '--scanner-serial', scanner.name)
    said(reader, 'scanner /run/lab/scanner: ready')
    _, announced = steps.phone(lab, 'ble-peripheral')
    scanner.sends(frame(announced['engagement']))
    counters.served(reader, None)
    silent(reader, announced['engagement'])
    return scanner, reader


@case('a scanner on a serial port')
def serial(lab):
    scanner, reader = serial_case(lab, lambda code: f'\x02]Q3{code}\x03\r\n')
    # What is no code is told and has no result.
    scanner.sends('4901234567894\r')
    said(reader, 'scanner /run/lab/scanner: not the code of a mobile document: not the text of an mdoc engagement')
    expect(len(reader.lines()) == 1, reader.lines())
    # Unplugged in the midst of a code, and plugged in again.
    scanner.sends('mdoc:ow')
    scanner.unplug()
    said(reader, 'scanner /run/lab/scanner: it is gone')
    scanner = Serial('/run/lab/scanner')
    wait_for('the scanner', lambda: reader.errors().count(': ready') == 2)
    _, announced = steps.phone(lab, 'ble-peripheral', adapter='hci2')
    for character in announced['engagement'] + '\r':
        scanner.sends(character)
    counters.served(reader, None)
    expect(len(reader.lines()) == 2 and 'scanner.unfinished' not in reader.errors(), reader.errors())
    ended(reader)
    scanner.unplug()


def keyboard_case(lab, layout, name, end, caps_lock=False, prefix=''):
    keyboard = Keyboard(name)
    reader = counters.counter(lab, '--scanner-keyboard', keyboard.path)
    said(reader, f'scanner {keyboard.path}: ready')
    # Grabbed: who else reads the device reads nothing.
    other = os.open(keyboard.path, os.O_RDONLY | os.O_NONBLOCK)
    _, announced = steps.phone(lab, 'ble-peripheral')
    if caps_lock:
        keyboard.tap(CAPS_LOCK)
    keyboard.types(prefix + announced['engagement'], layout, end)
    counters.served(reader, None)
    try:
        expect(not os.read(other, 24), 'keys reach others')
    except BlockingIOError:
        pass
    silent(reader, announced['engagement'])
    return keyboard, reader, announced, other


@case('a scanner that is a US keyboard')
def us_keyboard(lab):
    keyboard, reader, announced, other = keyboard_case(lab, US, 'a US scanner', ENTER, prefix=']Q3')
    # Letters of one case: which was which is lost.
    keyboard.types(announced['engagement'].upper(), US)
    said(reader, 'set it to keep upper and lower case as they are (scanner.case_folded)')
    expect(len(reader.lines()) == 1, reader.lines())
    # A pause ends nothing, a long one gives the code up.
    keyboard.types('mdoc:ow', US, end=None)
    said(reader, 'text without an end; set the scanner to send Enter (CR) behind each code (scanner.unfinished)')
    # Unplugged and plugged in again, and the phone's code after it.
    path = keyboard.path
    os.close(other)
    keyboard.unplug()
    said(reader, f'scanner {path}: it is gone')
    keyboard = Keyboard('a US scanner')
    expect(keyboard.path == path, keyboard.path, path)
    wait_for('the scanner', lambda: reader.errors().count(': ready') == 2)
    _, announced = steps.phone(lab, 'ble-peripheral', adapter='hci2')
    keyboard.types(announced['engagement'], US)
    counters.served(reader, None)
    ended(reader)
    # Once the counter has ended, the keyboard is everybody's again.
    other = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    keyboard.tap(ENTER)
    expect(os.read(other, 24), 'the device is still grabbed')
    os.close(other)
    keyboard.unplug()


@case('a scanner that is a JIS keyboard')
def jis_keyboard(lab):
    keyboard, reader, announced, other = keyboard_case(lab, JIS, 'a JIS scanner', KEYPAD_ENTER, prefix=']Q1')
    # The same keys read as the other layout would be no code; mixed they are none in either.
    half = len(announced['engagement']) // 2
    keyboard.types(announced['engagement'][:half] + '_', JIS, end=None)
    keyboard.types(announced['engagement'][half:] + '_', US)
    said(reader, '(session.engagement)')
    expect(len(reader.lines()) == 1, reader.lines())
    os.close(other)
    ended(reader)
    keyboard.unplug()


@case('a scanner that is a keyboard in caps lock')
def caps_lock(lab):
    keyboard, reader, _, other = keyboard_case(lab, JIS, 'a scanner in caps lock', TAB, caps_lock=True)
    os.close(other)
    ended(reader)
    keyboard.unplug()


@case('scanners of every kind beside standard input')
def beside(lab):
    scanner, keyboard = Serial('/run/lab/scanner'), Keyboard('a scanner')
    reader = counters.counter(lab, '--scanner-serial', scanner.name, '--scanner-keyboard', keyboard.path)
    wait_for('both scanners', lambda: reader.errors().count(': ready') == 2)
    holder, announced = steps.phone(lab, 'ble-peripheral', '--repeat')
    for ways in (lambda code: keyboard.types(code, US), reader.say, lambda code: scanner.sends(f'{code}\r')):
        ways(announced['engagement'])
        counters.served(reader, None)
        announced = holder.line()
    ended(reader)
    keyboard.unplug()
    scanner.unplug()


@case('a scanner that another program has is told, and taken when it is free')
def taken(lab):
    keyboard = Keyboard('a scanner')
    first = counters.counter(lab, '--scanner-keyboard', keyboard.path)
    said(first, ': ready')
    second = counters.counter(lab, '--scanner-keyboard', keyboard.path)
    said(second, f'scanner {keyboard.path}: another program has it for itself; end that one')
    ended(first)
    said(second, f'scanner {keyboard.path}: ready')
    _, announced = steps.phone(lab, 'ble-peripheral')
    keyboard.types(announced['engagement'], JIS)
    counters.served(second, None)
    ended(second)
    keyboard.unplug()
