"""Calls to a relay (docs/spec.md, section 9.5)."""
import messages
import protos
from breaks import broken

LIST_LIMIT = 256
SIGNED_OUT = 3001


class Calls:
    """Answers REQUESTs. A watch is the only call that stays open."""

    def __init__(self, relay) -> None:
        self.relay = relay
        self.watches: list[Watch] = []

    def request(self, conn, request) -> None:
        """9.5.1."""
        call = request.WhichOneof("call")
        if conn.device is None:  # 3.2.1; this relay signs in by tokens only
            return self._problem(conn, request.id, 3002 if call in SIGN_IN_CALLS else 3001)
        handle = getattr(self, "_" + call, None) if call in CALLS else None
        if handle is None:
            return self._problem(conn, request.id, 3002)
        handle(conn, request.id, getattr(request, call))

    # ---- answers ----

    def _reply(self, conn, id_: int, more: bool = False, **result) -> None:
        conn.carrier.reply(protos.relay.Reply(id=id_, more=more, **result))

    def _done(self, conn, id_: int, more: bool = False) -> None:
        self._reply(conn, id_, more, done=protos.relay.Done())

    def _problem(self, conn, id_: int, code: int) -> None:
        self._reply(conn, id_, problem=protos.link.Problem(code=code))

    # ---- sessions ----

    def entry(self, session):
        """Without `attached` (9.5.1)."""
        presence = self.relay.present(session)
        entry = protos.relay.SessionEntry(
            session_id=session.session_id, description=session.description,
            status=self.relay.status_of(session, with_attached=False),
            activity_ms=session.activity_ms)
        if presence.info:
            entry.info.ParseFromString(presence.info)
        return entry

    def _sessions(self, account: str) -> list:
        """Newest activity first."""
        mine = [s for key, s in self.relay.state.sessions.items()
                if key[0] == account or broken("9.3.1")]
        return sorted(mine, key=lambda s: s.activity_ms, reverse=not broken("9.5.1"))

    def _list_sessions(self, conn, id_: int, call) -> None:
        for session in self._sessions(conn.device.account)[:call.limit or LIST_LIMIT]:
            self._reply(conn, id_, True, session=self.entry(session))
        self._done(conn, id_)

    def _watch_sessions(self, conn, id_: int, call) -> None:
        watch = Watch(conn, id_)
        for session in self._sessions(conn.device.account):
            entry = self.entry(session)
            watch.told[session.session_id] = facts_of(entry)
            self._reply(conn, id_, True, session=entry)
        self._done(conn, id_, more=True)
        self.watches.append(watch)

    def tell_watchers(self) -> None:
        """9.5.2: the newest state of each session that changed."""
        self.watches = [w for w in self.watches
                        if w.conn.carrier.state == "LIVE" and w.id in w.conn.carrier.calls]
        if broken("9.5.2"):
            return
        for watch in self.watches:
            self._tell_watcher(watch)

    def _tell_watcher(self, watch: "Watch") -> None:
        there = set()
        for session in self._sessions(watch.conn.device.account):
            there.add(session.session_id)
            entry = self.entry(session)
            facts = facts_of(entry)
            if watch.told.get(session.session_id) != facts:
                watch.told[session.session_id] = facts
                self._reply(watch.conn, watch.id, True, session=entry)
        for session_id in set(watch.told) - there:
            del watch.told[session_id]
            self._reply(watch.conn, watch.id, True, session=protos.relay.SessionEntry(
                session_id=session_id, removed=True))

    def _cancel(self, conn, id_: int, call) -> None:
        """`done` for the call named, then for itself."""
        watched = [w for w in self.watches if w.conn is conn and w.id == call.request_id]
        for watch in watched:
            self.watches.remove(watch)
            if not broken("2.8.3"):
                self._done(conn, watch.id)  # 2.8.3
        self._done(conn, id_)

    def _delete_session(self, conn, id_: int, call) -> None:
        def job() -> None:
            key = self.relay.session_key(conn, call.session_id)
            if key not in self.relay.state.sessions:
                return self._problem(conn, id_, 3009)
            self.relay.delete(key)
            self._done(conn, id_)

        self.relay.do(job)

    # ---- devices ----

    def _list_devices(self, conn, id_: int, call) -> None:
        connected = {c.device.device_id for c in self.relay.conns.values()
                     if c.device is not None and c.carrier.state == "LIVE"}
        for device in self.relay.state.devices.values():
            if device.account != conn.device.account or device.revoked:
                continue
            self._reply(conn, id_, True, device=protos.relay.DeviceEntry(
                device_id=device.device_id, name=device.name, created_ms=device.created_ms,
                used_ms=device.used_ms, connected=device.device_id in connected,
                current=device is conn.device))
        self._done(conn, id_)

    def _revoke_device(self, conn, id_: int, call) -> None:
        def job() -> None:
            device = self.relay.state.devices.get(call.device_id)
            if device is None or device.revoked or device.account != conn.device.account:
                return self._problem(conn, id_, 3009)
            self.relay.revoke(device)  # revoking oneself ends the carrier instead
            self._done(conn, id_)

        self.relay.do(job)

    def _logout(self, conn, id_: int, call) -> None:
        self.relay.do(lambda: self.relay.revoke(conn.device))


    # ---- policy, audit ----

    def _get_policy(self, conn, id_: int, call) -> None:
        """The layers that hold, the outermost first, and what they come to; or those that the
        account administers."""
        state, account, P = self.relay.state, conn.device.account, protos.policy
        organization = state.members.get(account)
        rules = []
        if call.administered:
            if (account, "") in state.administrators:
                rules.append(self._enterprise_rule())
            rules += [self._organization_rule(name) for name in state.organizations
                      if (account, name) in state.administrators]
        else:
            if organization is not None and state.enterprise is not None:
                rules.append(self._enterprise_rule())
            if organization is not None:
                rules.append(self._organization_rule(organization))
            rules.append(P.PolicyRule(layer=protos.link.LAYER_ACCOUNT, name=account,
                                      value=VALUES[state.ceilings.get(account, "control")]))
        for rule in rules:
            self._reply(conn, id_, True, policy=protos.relay.PolicyReply(rule=rule))
        if call.administered:
            return self._done(conn, id_)
        value, layer = state.decide(account)
        self._reply(conn, id_, policy=protos.relay.PolicyReply(effective=P.EffectivePolicy(
            value=VALUES[value], decided_by=layer, explanation="decided by layer %d" % layer)))

    def _enterprise_rule(self):
        value, P = self.relay.state.enterprise, protos.policy
        return P.PolicyRule(layer=protos.link.LAYER_ENTERPRISE, name="enterprise",
                            value=VALUES[value], mode=P.ENTERPRISE_MODE_ENFORCE if value else
                            P.ENTERPRISE_MODE_DELEGATE)

    def _organization_rule(self, name: str):
        return protos.policy.PolicyRule(layer=protos.link.LAYER_ORGANIZATION, name=name,
                                        value=VALUES[self.relay.state.organizations[name]])

    def _set_policy(self, conn, id_: int, call) -> None:
        """10.4.1."""
        rule, state, L, P = call.rule, self.relay.state, protos.link, protos.policy
        about = {L.LAYER_ENTERPRISE: "", L.LAYER_ORGANIZATION: rule.name}.get(rule.layer)
        if rule.layer == 0 or rule.value not in NAMES:
            return self._problem(conn, id_, 4001)
        if about is None or ((conn.device.account, about) not in state.administrators
                             and not broken("10.4.1")):
            return self._reply(conn, id_, problem=L.Problem(code=3002, layer=rule.layer))

        def job() -> None:
            if rule.layer == L.LAYER_ORGANIZATION:
                self.relay.set_policy(organization=rule.name, value=NAMES[rule.value])
            else:
                enforced = rule.mode == P.ENTERPRISE_MODE_ENFORCE
                self.relay.set_policy(enterprise=NAMES[rule.value] if enforced else "")
            self._done(conn, id_)

        self.relay.do(job)

    def _export_audit(self, conn, id_: int, call) -> None:
        state, account = self.relay.state, conn.device.account
        mine = [r for r in state.audit if r["number"] >= getattr(call, "from") and (
            r["account"] == account or broken("10.5.1")
            or (r["organization"] and ((account, r["organization"]) in state.administrators
                                       or (account, "") in state.administrators)))]
        for record in mine[:call.limit or AUDIT_LIMIT]:
            self._reply(conn, id_, True, audit=protos.relay.AuditRecord(**record))
        self._done(conn, id_)


SIGN_IN_CALLS = ("pair_device", "begin_oidc", "login_oidc")
CALLS = ("list_sessions", "watch_sessions", "cancel", "delete_session", "list_devices",
         "revoke_device", "logout", "get_policy", "set_policy", "export_audit")
VALUES = {"": 0, "disabled": 1, "view": 2, "control": 3}  # PolicyValue
NAMES = {number: name for name, number in VALUES.items()}
AUDIT_LIMIT = 1000


class Watch:
    def __init__(self, conn, id_: int) -> None:
        self.conn = conn
        self.id = id_
        self.told: dict[bytes, bytes] = {}  # facts by session_id


def facts_of(entry) -> bytes:
    """What makes an entry another one: not the clock."""
    copy = type(entry)()
    copy.CopyFrom(entry)
    copy.status.now_ms = copy.status.host_heard_ms = 0
    return messages.encode(copy)
