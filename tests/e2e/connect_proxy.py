#!/usr/bin/python3
"""An HTTP proxy that knows CONNECT only, to loopback only. Says its port on standard output, then
one line for each tunnel; ends with its input.

    connect_proxy.py [USER:PASSWORD]"""
import asyncio
import base64
import sys


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def tunnel(reader, writer, secret):
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        host, port = target.rsplit(":", 1)
        wanted = b"proxy-authorization: basic " + base64.b64encode(secret.encode()) if secret else b""
        if method != "CONNECT" or host not in ("127.0.0.1", "localhost"):
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        if secret and wanted.lower() not in head.lower():
            writer.write(b'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="p"\r\n'
                         b"Content-Length: 0\r\n\r\n")
            writer.close()
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", int(port))
    except (OSError, ValueError, asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        return
    print("tunnel", flush=True)
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer))


async def main():
    secret = sys.argv[1] if len(sys.argv) > 1 else ""
    server = await asyncio.start_server(lambda r, w: tunnel(r, w, secret), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
