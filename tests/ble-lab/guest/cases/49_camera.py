"""`reader serve` with a camera: the kernel's virtual one (vivid), whose picture is what the case plays into its other end."""

import contextlib
import fcntl
import mmap
import os
import pathlib
import struct
import threading
from importlib import import_module

import segno

from lab import case, expect

steps = import_module('20_transactions')
counters = import_module('40_counter')
scanners = import_module('45_scanner')

# linux/videodev2.h.
S_FMT, S_INPUT, S_DV_TIMINGS, S_CTRL, QUERYCTRL = 0xC0D05605, 0xC0045627, 0xC0845657, 0xC008561C, 0xC0445624
REQBUFS, QUERYBUF, QBUF, DQBUF, STREAMON = 0xC0145608, 0xC0585609, 0xC058560F, 0xC0585611, 0x40045612
OUTPUT = 2
NEXT_CONTROL = 0x80000000
BUFFERS = 2
WIDTH, HEIGHT = 1280, 720
# 24 pictures a second of 720 lines (CEA-861): sides, progressive, polarities, pixel clock, porches and syncs.
TIMINGS = struct.pack('=5IQ9I', 0, WIDTH, HEIGHT, 0, 3, 59_400_000, 1760, 40, 220, 5, 5, 20, 0, 0, 0).ljust(132, b'\0')


def controls(file):
    """The numbers of a device's controls, by their names."""
    found, number = {}, 0
    while True:
        query = bytearray(struct.pack('=I', number | NEXT_CONTROL).ljust(68, b'\0'))
        try:
            fcntl.ioctl(file, QUERYCTRL, query)
        except OSError:
            return found
        [number] = struct.unpack_from('=I', query)
        found[bytes(query[8:40]).rstrip(b'\0').decode()] = number


def device(kind, place):
    """The file of the virtual camera of that place, or of its other end."""
    for folder in pathlib.Path('/sys/class/video4linux').iterdir():
        if folder.joinpath('name').read_text().strip() == f'vivid-{place:03}-vid-{kind}':
            return f'/dev/{folder.name}'
    raise FileNotFoundError(f'no virtual camera {place}')


def described(place):
    """A struct v4l2_buffer."""
    used = len(blank())
    return bytearray(struct.pack('=IIIIIIQQ16xIIQI', place, OUTPUT, used, 0, 1, 0, 0, 0, 0, 1, 0, used).ljust(88, b'\0'))


class Camera:
    """A camera that sees what it is shown."""

    def __init__(self, place):
        self.path = device('cap', place)
        self.control = os.open(self.path, os.O_RDWR)
        self.controls = controls(self.control)
        fcntl.ioctl(self.control, S_INPUT, bytearray(struct.pack('=i', 0)))
        self.scene = os.open(device('out', place), os.O_RDWR)
        for file in (self.control, self.scene):
            fcntl.ioctl(file, S_DV_TIMINGS, bytearray(TIMINGS))
        self.set('Loop Video', 1)
        self.set('OSD Text Mode', 2)
        # The form that the reader asks for first: only what both ends agree on is passed on.
        picture = struct.pack('=IIIII', WIDTH, HEIGHT, int.from_bytes(b'NV12', 'little'), 1, 0)
        fcntl.ioctl(self.scene, S_FMT, bytearray(struct.pack('=II', OUTPUT, 0) + picture.ljust(200, b'\0')))
        fcntl.ioctl(self.scene, REQBUFS, bytearray(struct.pack('=III', BUFFERS, OUTPUT, 1).ljust(20, b'\0')))
        self.buffers = [self.buffer(place) for place in range(BUFFERS)]
        self.picture = blank()
        self.over = False
        self.player = threading.Thread(target=self.play)
        self.player.start()

    def set(self, name, value):
        fcntl.ioctl(self.control, S_CTRL, bytearray(struct.pack('=Ii', self.controls[name], value)))

    def buffer(self, place):
        """One that the scene is played from."""
        query = bytearray(struct.pack('=II', place, OUTPUT).ljust(88, b'\0'))
        fcntl.ioctl(self.scene, QUERYBUF, query)
        offset, = struct.unpack_from('=I', query, 64)
        return mmap.mmap(self.scene, len(blank()), offset=offset)

    def play(self):
        """Picture after picture, as fast as the timings have it, until it is unplugged. (The kernel's write() plays none.)"""
        free = list(range(BUFFERS))
        with contextlib.suppress(OSError):
            while not self.over:
                if free:
                    place = free.pop()
                    self.buffers[place][:] = self.picture
                    fcntl.ioctl(self.scene, QBUF, described(place))
                    if not free:
                        fcntl.ioctl(self.scene, STREAMON, bytearray(struct.pack('=I', OUTPUT)))
                else:
                    played = described(0)
                    fcntl.ioctl(self.scene, DQBUF, played)
                    free.append(struct.unpack_from('=I', played)[0])

    def shows(self, text, dark=24):
        """The code, as large as a phone that is held before the camera, and a little askew."""
        self.picture = drawn(text, dark)

    def ends(self):
        self.over = True
        self.player.join(10)
        os.close(self.scene)
        os.close(self.control)


def blank():
    return bytes((160,)) * (WIDTH * HEIGHT) + bytes((128,)) * (WIDTH * HEIGHT // 2)


def drawn(text, dark):
    """A picture with a code in it, drawn by another library than the one that reads it."""
    modules = [list(row) for row in segno.make_qr(text, error='l').matrix]
    edge = 4 * (560 // (len(modules) + 8)) // 4
    side = (len(modules) + 8) * edge
    left, top = (WIDTH - side) // 2, (HEIGHT - side) // 2
    rows = bytearray(blank())
    quiet = [0] * (len(modules) + 8)
    for place, row in enumerate([quiet] * 4 + [[0] * 4 + row + [0] * 4 for row in modules] + [quiet] * 4):
        line = b''.join(bytes((dark if module else 230,)) * edge for module in row)
        for height in range(edge):
            # One pixel to the side every 24 lines.
            y = top + place * edge + height
            start = y * WIDTH + left + y // 24 * 2
            rows[start:start + len(line)] = line
    return bytes(rows)


@case('a camera', sets=['one-channel'], seconds=120)
def camera(lab):
    camera = Camera(0)
    reader = counters.counter(lab, '--camera', camera.path)
    try:
        # A code that is none, and then the phone's.
        camera.shows('4901234567894')
        scanners.said(reader, 'the camera: this code is not that of a mobile document')
        expect(not reader.lines(), reader.lines())
        for _ in range(2):
            _, announced = steps.phone(lab, 'ble-peripheral')
            camera.shows(announced['engagement'])
            counters.served(reader, None)
            camera.picture = blank()
        expect(len(reader.lines()) == 2, reader.lines())
        scanners.silent(reader, announced['engagement'])
        lab.note(f'{reader.cpu():.1f} s of processor time in all')
        scanners.ended(reader)
    finally:
        camera.ends()


@case('a camera that another program has, and one that is unplugged', sets=['one-channel'], seconds=90)
def faults(lab):
    # Which of them is still there: a try before this one has unplugged the others.
    place = next(place for place in (1, 2) if os.path.exists(device('cap', place)))
    camera = Camera(place)
    reader = counters.counter(lab, '--camera', camera.path)
    try:
        # That its camera works shows by what it sees.
        camera.shows('4901234567894')
        scanners.said(reader, 'the camera: this code is not that')
        second = counters.counter(lab, '--camera', camera.path)
        scanners.said(second, 'another program uses the camera; end the other program')
        camera.set('Disconnect', 0)
        scanners.said(reader, 'the camera is gone; plug the camera in')
        scanners.said(second, 'plug the camera in')
        # The clerk goes on with what there is.
        _, announced = steps.phone(lab, 'ble-peripheral')
        reader.say(announced['engagement'])
        counters.served(reader, None)
        for counter in (reader, second):
            scanners.ended(counter)
    finally:
        camera.ends()
