"""A peer for experiments with EATT: it knows in which order values pass the air over several ATT bearers.

Toward the client or server of `ble-bare`, whose parts carry their number. What it sends goes over the bearers in turn,
each value on the air before the next; what it gets is noted in the order of arrival. So of each direction one half is
BlueZ's alone: how it sends, or how it receives.
"""

from bumble import att
from bumble.device import Peer
from bumble.l2cap import LeCreditBasedChannelSpec

from phone import Phone, characteristic_uuid

WRITE_COMMAND, NOTIFICATION = 0x52, 0x1B
IN_TURN = LeCreditBasedChannelSpec(psm=att.EATT_PSM, mtu=517, mps=247, max_credits=1000)


def part(number, count, size):
    head = bytes([int(number + 1 < count)]) + number.to_bytes(2, 'big') + count.to_bytes(2, 'big')
    return head.ljust(size, b'Z')


class Bearers(Phone):
    SEVERAL_BEARERS = True
    # Those of the mdoc's service, which `ble-bare server` has.
    CHARACTERISTICS = (1, 2, 3)

    def __init__(self, controller, number, options):
        super().__init__(controller, number, options)
        self.extra = options['bearers']
        self.count = options['count']
        self.channels = []
        self.arrived = []
        # How many values came over each bearer: the fixed one is 0.
        self.by_bearer = {}

    def state(self):
        late = sum(number < max(self.arrived[:place], default=0) for place, number in enumerate(self.arrived))
        return {**super().state(), 'received': len(self.arrived), 'by bearer': self.by_bearer, 'reordered on the air': late}

    def count_bearer(self, bearer):
        place = self.channels.index(bearer) + 1 if bearer in self.channels else 0
        self.by_bearer[place] = self.by_bearer.get(place, 0) + 1

    def on_part(self, value):
        self.arrived.append(int.from_bytes(bytes(value)[1:3], 'big'))
        if self.role == 'server' and len(self.arrived) == self.count:
            self.spawn(self.send_parts(len(value), NOTIFICATION))

    async def send_parts(self, size, operation):
        """Round and round the bearers, the fixed one and the others."""
        handle = self.handle.to_bytes(2, 'little')
        for number in range(self.count):
            pdu = bytes([operation]) + handle + part(number, self.count, size)
            place = number % (len(self.channels) + 1)
            if place:
                self.channels[place - 1].write(pdu)
                await self.channels[place - 1].drain()
            else:
                self.device.send_l2cap_pdu(self.connection.handle, att.ATT_CID, pdu)
        self.note('sent', self.count, 'over', len(self.channels) + 1, 'bearers')

    async def serve(self):
        await super().serve()
        server2client = self.device.gatt_server.services[-1].characteristics[2]
        self.handle = server2client.handle

        # Where Linux opens its bearers.
        manager = self.device.l2cap_channel_manager
        listening = manager.le_coc_servers[att.EATT_PSM]
        accept = listening.on_connection

        def on_connection(channel):
            accept(channel)
            self.channels.append(channel)

        listening.on_connection = on_connection
        handle_write = self.device.gatt_server.on_att_write_command

        def on_write(bearer, request):
            self.count_bearer(bearer)
            return handle_write(bearer, request)

        self.device.gatt_server.on_att_write_command = on_write

    async def seek(self):
        await super().seek()
        peer = Peer(self.connection)
        await peer.discover_service(self.uuid)
        [service] = peer.get_services_by_uuid(self.uuid)
        await service.discover_characteristics()
        [client2server] = service.get_characteristics_by_uuid(characteristic_uuid(2))
        self.handle = client2server.handle
        for _ in range(self.extra):
            channel = await self.connection.create_l2cap_channel(IN_TURN)
            channel.sink = self.sink(channel)
            self.channels.append(channel)
        await self.send_parts(200, WRITE_COMMAND)

    def sink(self, channel):
        def on_pdu(pdu):
            if pdu[0] == NOTIFICATION:
                self.count_bearer(channel)
                self.on_part(pdu[3:])
        return on_pdu
