#!/usr/bin/python3
"""Who is trusted, and what may go unencrypted: what `remote`, `remote host` and `remote-relay` say and
do, on the real programs over tls://.

    trust_test.py BUILD [NAME...]"""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import carriers  # noqa: E402
from harness import Failure, SLOW, bodies, port_of, run, text_of, wait_until  # noqa: E402

WAIT = 60 * SLOW


def check(condition, text):
    if not condition:
        raise Failure(text)


def serve(w, *flags):
    w.carrier = carriers.kind_of("tls")
    w.start_relay(*flags)
    for name in ("REMOTE_TLS_CA", "REMOTE_TLS_CERT", "REMOTE_TLS_KEY"):
        w.env.pop(name, None)
    return w.certificates


def refused_relays(w):
    """Every way of not trusting a relay: exit 3, at once, with what to do."""
    c = serve(w, "--listen", "tcp://127.0.0.1:0")
    w.cli("ls").expect(3).says("signed by nobody whom this machine trusts").says("--tls-ca FILE")
    w.cli("ls", "--tls-ca", c.other_ca).expect(3).says("--tls-ca FILE")
    w.cli("ls", "--tls-ca", c.ca).expect(0)
    w.cli("ls", env={"REMOTE_TLS_CA": c.ca}).expect(0)
    os.makedirs(f"{w.root}/config/remote", exist_ok=True)
    with open(f"{w.root}/config/remote/config.ini", "w") as f:
        f.write(f"tls_ca = {c.ca}\n")
    w.cli("ls").expect(0)
    w.cli("ls", "--tls-ca", c.other_ca).expect(3)
    port = port_of(w.listening)
    w.cli("ls", "--relay", f"tls://[::ffff:127.0.0.1]:{port}").expect(3).says("and not for ::ffff:127.0.0.1")
    w.cli("ls", "--tls-ca", f"{w.root}/missing").expect(2).says("cannot be opened")
    w.cli("ls", "--tls-ca", c.key).expect(2).says("holds no certificate")
    w.cli("ls", "--tls-cert", c.cert).expect(2).says("--tls-key")
    os.chmod(c.key, 0o644)
    w.cli("ls", "--tls-cert", c.cert, "--tls-key", c.key).expect(2).says("chmod 600")
    os.chmod(c.key, 0o600)
    # plain text on a port for TLS, and the other way round
    w.cli("ls", "--relay", f"tcp://127.0.0.1:{port}", "--timeout", "1").expect(3).says("is this a port for TLS")
    plain = open(f"{w.data}/address").read().split()[1]
    w.cli("ls", "--relay", f"tls://127.0.0.1:{port_of(plain)}").expect(3).says("does not speak TLS")


def certificates_of_devices(w):
    """--tls-client-ca: nobody without a certificate; the token is asked for all the same."""
    c = carriers.Certificates(f"{w.root}/certificates")
    w.certificates = c
    serve(w, "--tls-client-ca", c.ca)
    cert, key = c.signed("device", "ca", "DNS:device")
    strange, strange_key = c.signed("strange", "other", "DNS:device")
    ca = ["--tls-ca", c.ca]
    w.cli("ls", *ca).expect(3).says("wants a certificate from this device")
    w.cli("ls", *ca, "--tls-cert", strange, "--tls-key", strange_key).expect(3).says("does not know the CA")
    w.cli("ls", *ca, "--tls-cert", cert, "--tls-key", key).expect(0)
    w.cli("ls", *ca, env={"REMOTE_TLS_CERT": cert, "REMOTE_TLS_KEY": key}).expect(0)
    wrong = f"{w.root}/wrong-token"
    with open(wrong, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write("A" * 43 + "\n")
    w.cli("ls", *ca, "--tls-cert", cert, "--tls-key", key, "--token-file", wrong).expect(4)


def plain_text_stays_here(w):
    """Neither a command nor a host sends a token to another machine unencrypted."""
    w.start_relay()
    for address in ("tcp://192.0.2.1:7443", "ws://relay.invalid/x", "http://192.0.2.1", "poll://192.0.2.1",
                    "tcp://localhost.invalid:1", "tcp://127.0.0.1.invalid:1", "tcp://[2001:db8::1]:1"):
        w.cli("ls", "--relay", address).expect(2).says("would not be encrypted").says("--insecure")
    # Told otherwise it tries; 192.0.2.0/24 is nobody's.
    for env, flags in (({}, ["--insecure"]), ({"REMOTE_INSECURE": "1"}, [])):
        said = w.cli("ls", "--relay", "tcp://192.0.2.1:7443", "--timeout", "0.2", *flags, env=env).expect(3)
        check("encrypted" not in said.err, said.err)
    w.cli("ls", "--relay", "tcp://192.0.2.1:1", env={"REMOTE_INSECURE": "maybe"}).expect(2).says("is on or off")
    w.cli("ls", "--relay", "tcp://192.0.2.1:1", env={"REMOTE_INSECURE": "0"}).expect(2)
    host = w.spawn("host", [w.program["remote"], "host", "--relay", "tcp://192.0.2.1:7443", "--remote", "--headless",
                            "--", w.program["remote-demo-agent"]])
    wait_until("the host says why", lambda: "would not be encrypted" in
               " ".join(open(host.log_path, errors="replace").read().split()), WAIT)
    check(host.alive, "the local session goes on")


def refused_listens(w):
    """The relay tells of bad files before it opens anything."""
    c = carriers.Certificates(f"{w.root}/certificates")

    def told(words, *flags):
        done = subprocess.run([w.program["remote-relay"], "serve", "--data", f"{w.root}/never", *flags], text=True,
                              capture_output=True, timeout=WAIT, env=w.env, stdin=subprocess.DEVNULL)
        check(done.returncode == 2 and words in done.stderr, f"{flags}: {done.returncode} {done.stderr}")
    tls = ("--listen", "tls://127.0.0.1:0")
    told("pass --tls-cert FILE and --tls-key FILE", *tls)
    told("--tls-cert needs --tls-key", *tls, "--tls-cert", c.cert)
    told("is not that of the certificate", *tls, "--tls-cert", c.cert, "--tls-key", f"{c.folder}/ca.key")
    told("no --listen address is encrypted", "--tls-cert", c.cert, "--tls-key", c.key)
    told("--insecure", "--listen", "tcp://0.0.0.0:0")
    check(not os.path.exists(f"{w.root}/never"), "nothing was made")


def renewal(w):
    """SIGHUP: a host and a reader go on, new ones see the new certificate; bad files change nothing."""
    c = serve(w)
    w.env["REMOTE_TLS_CA"] = c.ca
    host = w.start_host()
    w.cli("send", "--session", host.session, "--wait=idle", "SAY one").expect(0)

    def log_says(words, count=1):
        wait_until(words, lambda: open(w.relay.log_path).read().count(words) >= count, WAIT)
    new = carriers.Certificates(f"{w.root}/new")
    for old, other in ((c.cert, new.cert), (c.key, new.key)):
        os.replace(other, old)
    w.relay.send_signal(signal.SIGHUP)
    log_says("listener.reloaded")
    w.cli("ls").expect(3)
    w.cli("ls", "--tls-ca", new.ca).expect(0)
    with open(c.cert, "w") as f:
        f.write("half a certificate")
    w.relay.send_signal(signal.SIGHUP)
    log_says("listener.reload_failed")
    w.env["REMOTE_TLS_CA"] = new.ca
    w.cli("send", "--session", host.session, "--wait=idle", "SAY two").expect(0)  # the host was never cut
    check([m["text"].strip() for m in bodies(w.events(host.session), "assistant_message")] == ["one", "two"], "events")
    check(open(host.log_path).read().count("no connection") == 0, "the host's connection")
    check("one" in text_of(w.events(host.session)), "text")


if __name__ == "__main__":
    tests = [refused_relays, certificates_of_devices, plain_text_stays_here, refused_listens, renewal]
    sys.exit(run(tests, sys.argv[1], sys.argv[2:]))
