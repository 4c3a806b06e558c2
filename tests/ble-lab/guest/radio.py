"""The lab's radio: virtual controllers on /dev/vhci and phones without BlueZ, all on one simulated air.

    radio.py ADAPTERS SOCKET

Prints `ready`, then takes one command a line on the Unix socket, as JSON, and answers each with one line of JSON:
    {"do": "state"}                     connections and what each controller advertises
    {"do": "unplug", "adapter": 0}      the adapter vanishes; its peers notice a lost link
    {"do": "plug"}                      an adapter appears, with the lowest free number
    {"do": "drop"}                      every connection is lost, as when a phone leaves
    {"do": "phone", "role": …}          a phone appears (phone.py says what it takes) and is told about by its number
    {"do": "phone-state", "phone": 0}   what it saw
    {"do": "phone-off", "phone": 0}     it goes away
"""

import asyncio
import json
import os
import sys

from bumble import hci, ll
from bumble.controller import Controller
from bumble.core import PhysicalTransport
from bumble.link import LocalLink

from bearers import Bearers
from phone import Phone

# The air has no connection interval, and an advertiser that asks for a long interval gets this one (seconds): the
# lab waits for programs, not for timers. What was asked for is in the state.
LONGEST_ADVERTISING_INTERVAL = 0.05
# How long a controller needs to notice that its peer has gone.
SUPERVISION = 0.2


class Air(LocalLink):
    """Carries packets between controllers; forgives packets for one that has just gone."""

    def send_acl_data(self, sender_controller, destination_address, transport, data):
        if transport != PhysicalTransport.LE:
            return
        connection = sender_controller.le_connections.get(destination_address)
        destination = self.find_le_controller(destination_address)
        # bumble names the sender by its random address even on a connection made with the public one.
        if connection and destination:
            source = connection.self_address
            asyncio.get_running_loop().call_soon(destination.on_link_acl_data, source, transport, data)

    def send_ll_control_pdu(self, sender_address, receiver_address, packet):
        if self.find_le_controller(receiver_address):
            super().send_ll_control_pdu(sender_address, receiver_address, packet)


class VirtualController(Controller):
    """bumble's controller with what Linux expects of one."""

    def __init__(self, name, air, address, **more):
        super().__init__(name, link=air, public_address=hci.Address(address, hci.Address.PUBLIC_DEVICE_ADDRESS), **more)
        self.le_acl_data_packet_length = 251
        # With either of these Linux waits for LE Enhanced Connection Complete, which bumble never sends.
        self.le_features &= ~(hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING)
        self.asked_interval = None

    def on_hci_le_set_advertising_parameters_command(self, command):
        result = super().on_hci_le_set_advertising_parameters_command(command)
        # The command counts in 0.625 ms, bumble's timer in milliseconds.
        self.asked_interval = (command.advertising_interval_min, command.advertising_interval_max)
        longest = LONGEST_ADVERTISING_INTERVAL * 1000
        self.le_legacy_advertiser.advertising_interval_min = min(command.advertising_interval_min * 0.625, longest)
        return result

    def on_hci_le_create_connection_cancel_command(self, command):
        # bumble answers and goes on connecting.
        if pending := self.pending_le_connection:
            self.pending_le_connection = None
            asyncio.get_running_loop().call_soon(self.report_no_connection, pending.peer_address)
        return super().on_hci_le_create_connection_cancel_command(command)

    def report_no_connection(self, peer_address):
        self.send_hci_packet(hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR, connection_handle=0, role=hci.Role.CENTRAL,
            peer_address_type=peer_address.address_type, peer_address=peer_address, connection_interval=0,
            peripheral_latency=0, supervision_timeout=0, central_clock_accuracy=0))

    def on_le_connect_ind(self, packet):
        super().on_le_connect_ind(packet)
        # A connectable advertisement ends with the connection that it leads to.
        if packet.initiator_address in self.le_connections and self.le_legacy_advertiser.address == packet.advertiser_address:
            self.le_legacy_advertiser.stop()

    def create_le_connection(self, peer_address):
        super().create_le_connection(peer_address)
        asyncio.get_running_loop().call_later(SUPERVISION, self.check_established, peer_address)

    def check_established(self, peer_address):
        """A connection that the advertiser never took up fails, as on the air."""
        peer = self.link.find_le_controller(peer_address)
        connection = self.le_connections.get(peer_address)
        if connection and (peer is None or connection.self_address not in peer.le_connections):
            self.on_le_disconnected(connection, hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR)

    def on_hci_reset_command(self, command):
        for connection in list(self.le_connections.values()):
            connection.send_ll_control_pdu(ll.TerminateInd(hci.HCI_ErrorCode.REMOTE_DEVICE_TERMINATED_CONNECTION_DUE_TO_POWER_OFF_ERROR))
        self.le_connections.clear()
        self.le_legacy_advertiser.stop()
        self.le_scan_enable = False
        self.pending_le_connection = None
        return super().on_hci_reset_command(command)

    def on_le_disconnected(self, connection, reason):
        if connection.peer_address in self.le_connections:
            super().on_le_disconnected(connection, reason)

    def lose_links(self):
        for connection in list(self.le_connections.values()):
            self.on_le_disconnected(connection, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)


class Adapter:
    """A controller behind /dev/vhci, which Linux takes for a Bluetooth adapter."""

    def __init__(self, number, air):
        self.descriptor = os.open('/dev/vhci', os.O_RDWR | os.O_NONBLOCK)
        self.controller = VirtualController(f'adapter {number}', air, f'00:AA:01:00:00:{number + 1:02X}')
        self.controller.host = self
        self.air = air
        asyncio.get_running_loop().add_reader(self.descriptor, self.read)
        # A vendor packet makes the adapter; Linux answers with one that has its number.
        os.write(self.descriptor, b'\xff\x00')

    def read(self):
        packet = os.read(self.descriptor, 65536)
        if packet and packet[0] != 0xff:
            self.controller.on_packet(packet)

    def on_packet(self, packet):
        if self.descriptor is not None:
            os.write(self.descriptor, packet)

    def unplug(self):
        asyncio.get_running_loop().remove_reader(self.descriptor)
        os.close(self.descriptor)
        self.descriptor = None
        self.controller.le_legacy_advertiser.stop()
        self.air.remove_controller(self.controller)
        for connection in list(self.controller.le_connections.values()):
            if peer := self.air.find_le_controller(connection.peer_address):
                if theirs := peer.le_connections.get(connection.self_address):
                    code = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
                    asyncio.get_running_loop().call_later(SUPERVISION, peer.on_le_disconnected, theirs, code)


class Radio:
    def __init__(self):
        self.air = Air()
        self.adapters = {}
        self.phones = []

    async def plug(self):
        number = next(number for number in range(16) if number not in self.adapters)
        self.adapters[number] = Adapter(number, self.air)
        # Linux numbers adapters in the order in which they appear.
        while not os.path.exists(f'/sys/class/bluetooth/hci{number}'):
            await asyncio.sleep(0.01)
        return {'adapter': number}

    async def do(self, command):
        match command['do']:
            case 'state':
                return {'adapters': {number: self.describe(a.controller) for number, a in self.adapters.items()}}
            case 'plug':
                return await self.plug()
            case 'unplug':
                self.adapters.pop(command['adapter']).unplug()
            case 'drop':
                for controller in self.air.controllers:
                    controller.lose_links()
            case 'phone':
                number = len(self.phones)
                controller = VirtualController(f'phone {number}', self.air, f'00:AA:02:00:00:{number + 1:02X}')
                kind = Bearers if command.get('bearers') else Phone
                phone = kind(controller, number, command)
                self.phones.append(phone)
                await phone.start()
                return {'phone': number}
            case 'phone-state':
                return self.phones[command['phone']].state()
            case 'phone-off':
                phone = self.phones[command['phone']]
                await phone.stop()
                self.air.remove_controller(phone.controller)
            case other:
                raise ValueError(f'no command {other}')
        return {}

    @staticmethod
    def describe(controller):
        advertiser = controller.le_legacy_advertiser
        return {
            'connections': [str(address) for address in controller.le_connections],
            'advertising': advertiser.enabled,
            'advertising_type': advertiser.advertising_type,
            'advertising_data': bytes(advertiser.advertising_data).hex(),
            'advertising_interval': controller.asked_interval,
            'scanning': controller.le_scan_enable,
        }

    async def serve(self, reader, writer):
        while line := await reader.readline():
            try:
                answer = await self.do(json.loads(line))
            except Exception as error:  # the one who asked shall know, and the radio goes on
                answer = {'error': f'{type(error).__name__}: {error}'}
            writer.write(json.dumps(answer).encode() + b'\n')
            await writer.drain()
        writer.close()


async def main():
    radio = Radio()
    for _ in range(int(sys.argv[1])):
        await radio.plug()
    server = await asyncio.start_unix_server(radio.serve, sys.argv[2])
    print('ready', flush=True)
    await server.serve_forever()


if __name__ == '__main__':
    asyncio.run(main())
