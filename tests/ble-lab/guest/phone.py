"""A phone without BlueZ, for the radio: a GATT peer of ISO/IEC 18013-5 written with bumble, with a framing of its own.

It only moves whole messages between the air and a TCP connection (4 bytes of length, big-endian, then the message),
at whose other end the program is that knows what the messages mean. What it takes:
    role      "server" (mdoc peripheral server mode) or "client" (mdoc central client mode)
    uuid      the service to advertise or to look for
    mtu       the largest ATT_MTU that it takes part in
    lose      true for a server that loses the first link when the reader subscribes, and comes again
    bridge    port on 127.0.0.1; its first frame is the engagement, which is of no use here. Without one the phone
              echoes each message.
"""

import asyncio

from bumble.core import AdvertisingData, UUID
from bumble.device import Device, DeviceConfiguration, Peer
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import Address
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

START, END = b'\x01', b'\x02'
LARGEST_VALUE = 512
# A radio carries a few values in each connection event. Without that a phone's burst of write commands, for which ATT
# has no flow control, overruns the kernel's socket, and values vanish.
VALUES_IN_EVENT, EVENT_SECONDS = 6, 0.0075


def characteristic_uuid(number):
    return UUID(f'{number:08X}-A123-48CE-896B-4C76973373E6')


class Phone:
    # Whether it takes part in EATT: several ATT bearers on one connection.
    SEVERAL_BEARERS = False
    # State, Client2Server and Server2Client of the reader's service, for a phone that is client.
    CHARACTERISTICS = (5, 6, 7)

    def __init__(self, controller, number, options):
        self.controller = controller
        self.role = options['role']
        self.uuid = UUID(options['uuid'])
        self.mtu = options['mtu']
        self.bridge_port = options.get('bridge')
        address = Address(f'F0:F1:F2:F3:F4:{number:02X}')
        configuration = DeviceConfiguration(name='phone', address=address, eatt_enabled=self.SEVERAL_BEARERS)
        self.device = Device(config=configuration, host=Host(controller, AsyncPipeSink(controller)))
        self.device.gatt_server.max_mtu = self.mtu
        self.to_lose = options.get('lose', False)
        self.connection = None
        self.bridge = None
        self.parts = []
        self.outgoing = asyncio.Queue()
        self.log = []
        self.tasks = []

    async def start(self):
        await self.device.power_on()
        self.device.on('connection', self.on_connection)
        if self.bridge_port is not None:
            reader, self.bridge = await asyncio.open_connection('127.0.0.1', self.bridge_port)
            self.spawn(self.from_bridge(reader))
        if self.role == 'server':
            await self.serve()
        else:
            self.spawn(self.seek())
        self.spawn(self.send_messages())

    async def stop(self):
        for task in self.tasks:
            task.cancel()
        if self.bridge:
            self.bridge.close()
        await self.device.power_off()

    def state(self):
        return {'log': self.log, 'connected': self.connection is not None,
                'mtu': self.connection.att_mtu if self.connection else None}

    def note(self, *words):
        self.log.append(' '.join(str(word) for word in words))

    def spawn(self, work):
        async def noted():
            try:
                await work
            except Exception as error:  # shown in the state: nobody waits for this task
                self.note('failed:', type(error).__name__, error)
        self.tasks.append(asyncio.create_task(noted()))

    def on_connection(self, connection):
        self.note('connected')
        self.connection = connection
        connection.on('disconnection', self.on_disconnection)

    def on_disconnection(self, reason):
        self.note('disconnected', reason)
        self.connection = None
        if self.to_lose:
            self.to_lose = False
            self.spawn(self.device.start_advertising(auto_restart=False))
        elif self.bridge:
            self.bridge.close()

    def on_subscription(self, connection, *_):
        if self.to_lose:
            self.note('loses the link')
            self.spawn(connection.disconnect())

    # --- Messages ------------------------------------------------------------------------------------------------

    def on_part(self, value):
        value = bytes(value)
        if not value or value[0] > 1:
            self.note('bad part', value[:1].hex())
            return
        self.parts.append(value[1:])
        if value[0] == 1:
            return
        message = b''.join(self.parts)
        self.note('message', len(message), 'in', len(self.parts))
        self.parts = []
        if self.bridge:
            self.bridge.write(len(message).to_bytes(4, 'big') + message)
        else:
            self.outgoing.put_nowait(message)

    async def from_bridge(self, reader):
        engagement = True
        try:
            while True:
                message = await reader.readexactly(int.from_bytes(await reader.readexactly(4), 'big'))
                if not engagement:
                    self.outgoing.put_nowait(message)
                engagement = False
        except (asyncio.IncompleteReadError, ConnectionError):
            self.note('bridge closed')
            self.outgoing.put_nowait(None)

    async def send_messages(self):
        """Each message in parts of one prefix byte and what the ATT_MTU leaves; none is the end of the session."""
        while True:
            message = await self.outgoing.get()
            if self.connection is None:
                continue
            if message is None:
                await self.send_state(END)
                continue
            size = min(self.connection.att_mtu - 3, LARGEST_VALUE) - 1
            for count, start in enumerate(range(0, len(message), size)):
                if count % VALUES_IN_EVENT == VALUES_IN_EVENT - 1:
                    await asyncio.sleep(EVENT_SECONDS)
                last = start + size >= len(message)
                await self.send_part(bytes([0 if last else 1]) + message[start:start + size])
            self.note('sent', len(message))

    # --- mdoc peripheral server mode: the phone is GATT server ----------------------------------------------------

    async def serve(self):
        notify, write = Characteristic.Properties.NOTIFY, Characteristic.Properties.WRITE_WITHOUT_RESPONSE
        # Not coroutines: bumble starts a task for each write, and these take no turn in between.
        on_state = CharacteristicValue(write=lambda _connection, value: self.note('state', bytes(value).hex()))
        on_part = CharacteristicValue(write=lambda _connection, value: self.on_part(value))
        state = Characteristic(characteristic_uuid(1), notify | write, Characteristic.WRITEABLE, on_state)
        client2server = Characteristic(characteristic_uuid(2), write, Characteristic.WRITEABLE, on_part)
        server2client = Characteristic(characteristic_uuid(3), notify, Characteristic.READABLE, b'')
        server2client.on('subscription', self.on_subscription)
        self.device.add_service(Service(self.uuid, [state, client2server, server2client]))
        self.device.advertising_data = bytes(AdvertisingData([
            (AdvertisingData.FLAGS, bytes([6])),
            (AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, bytes(self.uuid)),
        ]))

        async def send_part(value):
            await self.device.notify_subscriber(self.connection, server2client, value)

        async def send_state(value):
            await self.device.notify_subscriber(self.connection, state, value)

        self.send_part, self.send_state = send_part, send_state
        await self.device.start_advertising(auto_restart=False)

    # --- mdoc central client mode: the phone is GATT client -------------------------------------------------------

    async def seek(self):
        found = asyncio.get_running_loop().create_future()

        def on_advertisement(advertisement):
            services = advertisement.data.get_all(AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS)
            services += advertisement.data.get_all(AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS)
            if not found.done() and any(self.uuid in listed for listed in services):
                found.set_result(advertisement.address)

        self.device.on('advertisement', on_advertisement)
        await self.device.start_scanning()
        address = await found
        await self.device.stop_scanning()
        self.note('found', address)
        connection = await self.device.connect(address)
        peer = Peer(connection)
        if self.mtu > 23:
            self.note('mtu', await peer.request_mtu(self.mtu))
        await peer.discover_service(self.uuid)
        service = peer.get_services_by_uuid(self.uuid)[0]
        await service.discover_characteristics()

        def characteristic(number):
            return service.get_characteristics_by_uuid(characteristic_uuid(number))[0]

        state, client2server, server2client = (characteristic(number) for number in self.CHARACTERISTICS)
        if ident := service.get_characteristics_by_uuid(characteristic_uuid(8)):
            self.note('ident', bytes(await peer.read_value(ident[0])).hex())
        await peer.subscribe(state, lambda value: self.note('state', bytes(value).hex()))
        await peer.subscribe(server2client, self.on_part)

        async def send_part(value):
            await peer.write_value(client2server, value, with_response=False)

        async def send_state(value):
            await peer.write_value(state, value, with_response=False)

        self.send_part, self.send_state = send_part, send_state
        await send_state(START)
        self.note('started')
