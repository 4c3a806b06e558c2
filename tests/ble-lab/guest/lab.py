"""The guest's main program: starts D-Bus, the radio and bluetoothd, runs the cases of a set, powers off.

Reads from the environment (the kernel's command line): LAB_set (a file sets/NAME.conf for bluetoothd), LAB_only (a
regular expression for names of cases), LAB_skip (how many of these an earlier start has ended), LAB_target (folder
with what was built). Prints a line `ok SET: CASE` or `FAILED SET: CASE: why` for each case, and `done SET` at the end:
a run without it broke off.
"""

import ctypes
import fcntl
import importlib
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback

import jeepney
from jeepney.io.blocking import open_dbus_connection

HERE = pathlib.Path(__file__).parent
RUN = pathlib.Path('/run/lab')
BUS = '/run/dbus/system_bus_socket'
# Where programs find the service for NFC readers, and the port of the first virtual reader.
PCSCD = '/run/pcscd/pcscd.comm'
VPCD = 35963
ADAPTERS = 3
CASE_SECONDS = 60
# ATT has no flow control for write commands; what the kernel cannot keep for a bluetoothd that does not get its turn is
# lost. On a machine that is busy with other things that happens here, and not on the air, which is slower.
SOCKET_BUFFER = 16 * 1024 * 1024
# bluetoothd ends a link two seconds after it is told to.
LINK_END = 3


class Failed(Exception):
    """Why a case failed."""


def expect(condition, *why):
    if not condition:
        raise Failed(' '.join(str(word) for word in why))


def wait_for(what, condition, seconds=10):
    """What `condition` gives once it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise Failed(f'waited {seconds} s for {what}')


class Program:
    """A program under test, with its output in files. Lines of standard output are read as JSON."""

    def __init__(self, lab, name, *arguments, stdin=False, **more):
        self.name = name
        self.lab = lab
        count = len(lab.programs)
        self.files = [RUN / f'{count}-{name}.{kind}' for kind in ('out', 'err')]
        out, err = (open(file, 'wb') for file in self.files)
        self.process = subprocess.Popen(
            [lab.built(name), *map(str, arguments)], stdout=out, stderr=err, cwd=RUN,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL, **more)
        out.close()
        err.close()
        self.taken = 0
        lab.programs.append(self)

    def lines(self):
        return self.files[0].read_text().split('\n')[:-1]

    def errors(self):
        return self.files[1].read_text()

    def line(self, seconds=20):
        """The next line of standard output, decoded."""
        number = self.taken

        def there():
            return len(self.lines()) > number or self.process.poll() is not None

        wait_for(f'line {number + 1} of {self.name}', there, seconds)
        lines = self.lines()
        expect(len(lines) > number, f'{self.name} ended with status {self.process.returncode} and said nothing:', self.errors()[-300:])
        self.taken += 1
        return json.loads(lines[number])

    def say(self, line):
        self.process.stdin.write(line.encode() + b'\n')
        self.process.stdin.flush()

    def status(self, seconds=30):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f'{self.name} did not end within {seconds} s') from None

    def descriptors(self):
        return len(os.listdir(f'/proc/{self.process.pid}/fd'))

    def cpu(self):
        """Seconds of processor time so far."""
        # The clock of a process, its ended threads included: finer than the ticks in /proc.
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def resident(self):
        """Bytes of memory."""
        return int(pathlib.Path(f'/proc/{self.process.pid}/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                # It hangs up first.
                self.process.wait(8)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Lab:
    """What cases have to do with."""

    def __init__(self, name, target):
        self.set = name
        self.target = pathlib.Path(target)
        self.configuration = HERE / 'sets' / f'{name}.conf'
        self.programs = []
        self.phones = []
        self.daemons = {}
        self.bus = None

    # --- The stack -------------------------------------------------------------------------------------------------

    def daemon(self, name, *command, own_libraries=False):
        environment = self.own_libraries() if own_libraries else None
        log = open(RUN / f'{name}.log', 'ab')
        self.daemons[name] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        log.close()

    def own_libraries(self):
        """The environment of programs that were unpacked with their libraries."""
        folders = (self.target / 'packages').glob('**/x86_64-linux-gnu')
        return {**os.environ, 'LD_LIBRARY_PATH': ':'.join(str(folder) for folder in folders)}

    def start(self):
        for folder in (RUN, '/run/dbus'):
            os.makedirs(folder)
        bring_loopback_up()
        pathlib.Path('/proc/sys/net/core/rmem_default').write_text(str(SOCKET_BUFFER))
        # Where an installed system has it, and the programs look.
        os.makedirs('/etc/bluetooth', exist_ok=True)
        pathlib.Path('/etc/bluetooth/main.conf').write_text(self.configuration.read_text())
        self.start_bus()
        self.daemon('radio', sys.executable, '-sE', '-B', HERE / 'radio.py', str(ADAPTERS), '/run/radio')
        self.start_bluetoothd()
        wait_for('the radio', lambda: 'ready' in (RUN / 'radio.log').read_text(), 30)
        self.adapters_ready()

    def start_bus(self):
        self.daemon('dbus', self.target / 'packages/usr/bin/dbus-daemon', f'--config-file={HERE}/dbus.conf', '--nofork',
                    '--nopidfile', own_libraries=True)
        wait_for('D-Bus', lambda: listens(BUS))
        os.environ['DBUS_SYSTEM_BUS_ADDRESS'] = f'unix:path={BUS}'
        self.bus = open_dbus_connection(bus='SYSTEM')

    def stop_bus(self):
        """With everybody's connections, bluetoothd's too, which ends by that."""
        self.bus.close()
        self.daemons['dbus'].kill()
        self.daemons['dbus'].wait()
        pathlib.Path(BUS).unlink(missing_ok=True)

    def restart_bus(self):
        self.stop_bus()
        self.start_bus()
        self.restart_bluetoothd()

    def restart_bluetoothd(self):
        self.stop_bluetoothd()
        # The kernel would hold on to links.
        self.radio('drop')
        self.start_bluetoothd()
        self.adapters_ready()

    def start_bluetoothd(self, *more):
        daemon = self.target / 'packages/usr/libexec/bluetooth/bluetoothd'
        self.daemon('bluetoothd', daemon, '-n', '-f', str(self.configuration), *more, own_libraries=True)

    def stop_bluetoothd(self):
        self.daemons['bluetoothd'].kill()
        self.daemons['bluetoothd'].wait()

    def start_pcscd(self, virtual_readers=True):
        """The service for NFC readers, with the two of the package vsmartcard-vpcd on ports of the guest, or without any."""
        packages = self.target / 'packages'
        configuration = RUN / 'reader.conf.d'
        os.makedirs(configuration, exist_ok=True)
        driver = packages / 'usr/lib/pcsc/drivers/serial/libifdvpcd.so'
        (configuration / 'vpcd').write_text(
            f'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:{VPCD:#x}\nLIBPATH {driver}\nCHANNELID {VPCD:#x}\n'
            if virtual_readers else '')
        # Nobody in the guest could be asked who may.
        self.daemon('pcscd', packages / 'usr/sbin/pcscd', '--foreground', '--config', configuration, own_libraries=True)
        wait_for('the service for NFC readers', lambda: os.path.exists(PCSCD) and listens(PCSCD))
        wait_for('the NFC readers', lambda: not virtual_readers or takes_connections(VPCD))

    def stop_pcscd(self):
        if daemon := self.daemons.pop('pcscd', None):
            daemon.kill()
            daemon.wait()
            pathlib.Path(PCSCD).unlink(missing_ok=True)
            pathlib.Path(PCSCD).with_name('pcscd.pid').unlink(missing_ok=True)

    def set_powered(self, adapter, powered):
        self.call(f'/org/bluez/{adapter}', 'org.freedesktop.DBus.Properties', 'Set', 'ssv', 'org.bluez.Adapter1', 'Powered',
                  ('b', powered))

    def adapters_ready(self):
        def powered():
            objects = self.objects()
            adapters = [value for value in objects.values() if 'org.bluez.Adapter1' in value]
            return len(adapters) == ADAPTERS and all(adapter['org.bluez.Adapter1']['Powered'] for adapter in adapters)
        try:
            wait_for('powered adapters', powered)
        except Failed as failed:
            raise Failed(failed, 'bluetoothd:', self.daemons['bluetoothd'].poll(), self.adapter_objects(),
                         self.radio('state'), sorted(os.listdir('/sys/class/bluetooth'))) from None

    def adapter_objects(self):
        return {path: interfaces['org.bluez.Adapter1'] for path, interfaces in self.objects().items()
                if 'org.bluez.Adapter1' in interfaces}

    def radio(self, do, **more):
        """Asks the radio; radio.py lists what it understands."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect('/run/radio')
            connection.sendall(json.dumps({'do': do, **more}).encode() + b'\n')
            answer = json.loads(connection.makefile().readline())
        expect('error' not in answer, f'radio {do}:', answer.get('error'))
        return answer

    def phone(self, **options):
        """A phone without BlueZ (phone.py); gives its number."""
        number = self.radio('phone', **options)['phone']
        self.phones.append(number)
        return number

    # --- D-Bus -----------------------------------------------------------------------------------------------------

    def call(self, path, interface, method, signature=None, *arguments):
        address = jeepney.DBusAddress(path, 'org.bluez', interface)
        message = jeepney.new_method_call(address, method, signature, arguments)
        reply = self.bus.send_and_get_reply(message, timeout=10)
        if reply.header.message_type == jeepney.MessageType.error:
            raise Failed(f'{interface}.{method}: {reply.header.fields.get(jeepney.HeaderFields.error_name)}')
        return reply.body

    def objects(self):
        """The objects of bluetoothd: path to interface to property; none while it does not run."""
        try:
            [objects] = self.call('/', 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects')
        except Failed:
            return {}
        return {path: {interface: {name: value for name, (_, value) in properties.items()}
                       for interface, properties in interfaces.items()} for path, interfaces in objects.items()}

    def advertisements(self, adapter='hci0'):
        return self.objects()[f'/org/bluez/{adapter}']['org.bluez.LEAdvertisingManager1']['ActiveInstances']

    def forget_devices(self):
        """Once their links have ended by themselves, where they do."""
        def connected():
            return any(interfaces.get('org.bluez.Device1', {}).get('Connected') for interfaces in self.objects().values())

        try:
            wait_for('links to end', lambda: not connected(), LINK_END)
        except Failed:
            self.radio('drop')
            wait_for('links to end', lambda: not connected())
        for path, interfaces in self.objects().items():
            if 'org.bluez.Device1' in interfaces:
                try:
                    self.call(path.rpartition('/')[0], 'org.bluez.Adapter1', 'RemoveDevice', 'o', path)
                except Failed:
                    pass  # it went by itself

    # --- Programs --------------------------------------------------------------------------------------------------

    def built(self, name):
        return json.loads((self.target / 'programs.json').read_text())[name]

    def run(self, name, *arguments, **more):
        return Program(self, name, *arguments, **more)

    def note(self, *words):
        """A figure to show beside the case."""
        print('  ', *words)

    def tidy(self):
        """After a case: nothing of it is left."""
        for program in self.programs:
            program.end()
        self.programs = []
        for phone in self.phones:
            self.radio('phone-off', phone=phone)
        self.phones = []
        self.stop_pcscd()
        while len(self.radio('state')['adapters']) < ADAPTERS:
            self.radio('plug')
        for _ in range(4):
            if self.bluetoothd_died():
                self.start_bluetoothd()
            try:
                self.adapters_ready()
                self.forget_devices()
            except Failed:
                if not self.bluetoothd_died():
                    raise
            # It may die a moment after it has answered.
            time.sleep(0.1)
            if not self.bluetoothd_died():
                return
        raise Failed('bluetoothd dies again and again')

    def bluetoothd_died(self):
        """How bluetoothd ended, if it did by itself."""
        status = self.daemons['bluetoothd'].poll()
        if status is not None and status != -signal.SIGKILL:
            print(f'   bluetoothd died: status {status}')
        return status is not None


CASES = []


def case(name=None, sets=('one-channel', 'default'), seconds=CASE_SECONDS):
    """Marks a function of one argument, the lab, as a case of these sets."""
    def mark(function):
        CASES.append((name or function.__name__.replace('_', ' '), sets, seconds, function))
        return function
    return mark


def listens(path):
    """Whether somebody takes connections there; the file is there a moment earlier."""
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(path) == 0


def takes_connections(port):
    """Whether somebody listens on a port of this machine. Asking would be a phone that comes: the kernel is asked."""
    with open('/proc/net/tcp') as table:
        # State 10 is TCP_LISTEN.
        return any(line.split()[1].endswith(f':{port:04X}') and line.split()[3] == '0A' for line in list(table)[1:])


def bring_loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        request = struct.pack('16sh', b'lo', 0x41)  # IFF_UP | IFF_RUNNING
        fcntl.ioctl(link, 0x8914, request.ljust(40, b'\0'))  # SIOCSIFFLAGS


def too_long(_signal, _frame):
    raise Failed('took too long')


def run_case(lab, name, seconds, function, last_try=False):
    """Whether the stack is fit for the next one. A case that fails is tried once more, after everything that it showed:
    bluetoothd dies by itself now and then."""
    begun = time.monotonic()
    why = None
    trace = ''
    signal.alarm(seconds)
    try:
        function(lab)
    except Failed as failed:
        why = str(failed)
    except Exception as error:  # a case that breaks has failed
        why = f'{type(error).__name__}: {error}'
        trace = traceback.format_exc()
    signal.alarm(0)
    took = f'{time.monotonic() - begun:.1f} s'
    again = why is not None and not last_try
    if why is None:
        print(f'ok {lab.set}: {name} ({took}{", at the second try" if last_try else ""})')
    else:
        print(f'{"again" if again else "FAILED"} {lab.set}: {name}: {" ".join(why.split())} ({took})')
        show(trace)
        lab.bluetoothd_died()
        for program in lab.programs:
            for file in program.files:
                show(f'{file.name}:\n{file.read_text(errors="replace")[-2000:]}')
        for phone in lab.phones:
            show(f'phone: {lab.radio("phone-state", phone=phone)}')
        show(f'radio: {lab.radio("state")}')
        for daemon in ('bluetoothd', 'radio'):
            show(f'{daemon}:\n{(RUN / f"{daemon}.log").read_text(errors="replace")[-1500:]}')
    try:
        lab.tidy()
    except Exception:
        print(f'FAILED {lab.set}: {name}: left the stack unfit for another case')
        show(traceback.format_exc())
        return False
    return run_case(lab, name, seconds, function, last_try=True) if again else True


def show(text):
    for line in text.splitlines():
        print(f'    | {line}')


def main():
    signal.signal(signal.SIGALRM, too_long)
    lab = Lab(os.environ['LAB_set'], os.environ['LAB_target'])
    only = re.compile(os.environ.get('LAB_only', '').replace('_', ' '))
    try:
        lab.start()
        print(f'stack ready after {time.monotonic():.1f} s')
        sys.modules['lab'] = sys.modules['__main__']
        sys.path.insert(0, str(HERE / 'cases'))
        for file in sorted((HERE / 'cases').glob('*.py')):
            importlib.import_module(file.stem)
        chosen = [case for case in CASES if lab.set in case[1] and only.search(case[0])]
        for name, _, seconds, function in chosen[int(os.environ.get('LAB_skip', 0)):]:
            if not run_case(lab, name, seconds, function):
                return
        print(f'done {lab.set}')
    except Exception:
        show(traceback.format_exc())
        for log in RUN.glob('*.log'):
            show(f'{log.name}:\n{log.read_text(errors="replace")[-1500:]}')


if __name__ == '__main__':
    try:
        main()
    finally:
        sys.stdout.flush()
        ctypes.CDLL(None).reboot(0x4321FEDC)  # LINUX_REBOOT_CMD_POWER_OFF
