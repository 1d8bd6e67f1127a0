"""What connections do. Everything here is in use or ends in order, or one of its own applications aborts it: an end that is
told of a reset which nobody here has sent has been wronged, and says so by an exception."""

import asyncio
import contextlib
import random

from soak.sockets import PORT, abort, end_of_stream, receive, send

SIDES = ("client", "server")
#: Half-closed without progress for at most this long; what finwaitd may end by its policy (alive_max) is longer.
LONGEST_SILENCE = 60.0


def other(side):
    return "server" if side == "client" else "client"


def _data(count):
    return random.randbytes(count)


async def _exchange(sender, receiver, data):
    await send(sender, data)
    if await receive(receiver, len(data)) != data:
        raise ValueError("other bytes than were sent")


async def _finish(pair, first):
    """An orderly end: `first` closes its direction, the other one reads that and closes, and so does the first."""
    one, two = pair.end(first), pair.end(other(first))
    one.shutdown(1)
    await end_of_stream(two)
    two.close()
    await end_of_stream(one)
    one.close()


async def talk(pair, _span):
    """Questions and answers, and an orderly end."""
    for _ in range(random.randint(1, 5)):
        await _exchange(pair.client, pair.server, _data(random.choice((1, 100, 4000))))
        await _exchange(pair.server, pair.client, _data(random.choice((1, 1400, 20000))))
        await asyncio.sleep(random.choice((0, 0, 0.1, 2)))
    await _finish(pair, random.choice(SIDES))


async def crossing(pair, _span):
    """Both close at once; the FINs cross or nearly do."""
    await talk_once(pair)
    pair.client.shutdown(1)
    pair.server.shutdown(1)
    await end_of_stream(pair.client)
    await end_of_stream(pair.server)


async def talk_once(pair):
    await _exchange(pair.client, pair.server, b"?")
    await _exchange(pair.server, pair.client, b"!")


async def _told(pair, side):
    """The other end learns of a reset by this program."""
    with contextlib.suppress(ConnectionError, TimeoutError, EOFError, ValueError):
        await end_of_stream(pair.end(side))


async def aborted(pair, _span):
    """One side closes with an RST, open or half-closed."""
    await talk_once(pair)
    pair.keep_alive()  # the only RST may get lost
    side = random.choice(SIDES)
    if random.random() < 0.3:
        pair.end(random.choice(SIDES)).shutdown(1)
        await asyncio.sleep(random.uniform(0, 2))
    abort(pair.end(side))
    await _told(pair, other(side))


async def unread(pair, _span):
    """One side closes without having read everything: its kernel sends an RST."""
    await talk_once(pair)
    pair.keep_alive()
    side = random.choice(SIDES)
    await send(pair.end(other(side)), b"nobody reads this")
    await asyncio.sleep(0.5)
    pair.end(side).close()
    await _told(pair, other(side))


async def idle(pair, span):
    """Open for long, with a byte now and then; some with keepalive."""
    if random.random() < 0.5:
        pair.keep_alive(idle=10, interval=5)
    until = asyncio.get_running_loop().time() + random.uniform(30, 300) * span
    while asyncio.get_running_loop().time() < until:
        await talk_once(pair)
        await asyncio.sleep(random.uniform(5, 70) * span)
    await talk_once(pair)
    await _finish(pair, random.choice(SIDES))


async def stream(pair, span):
    """A living half-close: the closer reads what the holder sends now and then, for much longer than fin_wait_2."""
    closer = random.choice(SIDES)
    reader, writer = pair.end(closer), pair.end(other(closer))
    await talk_once(pair)
    if random.random() < 0.3:
        pair.keep_alive(idle=4, interval=4)  # liveness, not progress
    reader.shutdown(1)
    await end_of_stream(writer)
    until = asyncio.get_running_loop().time() + random.uniform(60, 420) * span
    pace = random.uniform(0.5, 40)
    while asyncio.get_running_loop().time() < until:
        await _exchange(writer, reader, _data(random.choice((1, 1, 1, 3000))))
        await asyncio.sleep(random.uniform(0.1, 1) * pace)
    writer.close()
    await end_of_stream(reader)


async def silent(pair, _span):
    """A living half-close as rsh has it: the question is over, the answer takes its time."""
    closer = random.choice(SIDES)
    reader, writer = pair.end(closer), pair.end(other(closer))
    await talk_once(pair)
    reader.shutdown(1)
    await end_of_stream(writer)
    await asyncio.sleep(random.uniform(25, LONGEST_SILENCE))
    await _exchange(writer, reader, _data(random.choice((1, 40000))))
    writer.close()
    await end_of_stream(reader)


async def reuse(doors, client, version, shown, ports):
    """The same ports again and again: the server closes first, and the next SYN finds its TIME_WAIT."""
    port = ports.pop()
    try:
        for _ in range(random.randint(2, 5)):
            pair = await doors.connect(client, version, shown, port=port)
            with contextlib.closing(pair):
                await talk_once(pair)
                await _finish(pair, "server")
            await asyncio.sleep(random.uniform(1.2, 4))
    finally:
        ports.append(port)


async def refused(doors, client, version, shown):
    """A SYN to a port on which nobody listens."""
    with contextlib.suppress(ConnectionRefusedError):
        (await doors.connect(client, version, shown, to=PORT + 1)).close()
        raise ValueError("connected to nobody")


#: Lives of pairs, and how many of a hundred.
PAIRED = {talk: 30, crossing: 12, aborted: 10, unread: 8, idle: 10, stream: 18, silent: 12}
