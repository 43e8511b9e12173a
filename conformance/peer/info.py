"""SessionInfo: what lists and notifications need, within 1 KiB (docs/spec.md, 2.7)."""
from __future__ import annotations

import protos
from breaks import broken
from view import cut_text

INFO_BYTES_MAX = 1024
PLAN_COMPLETED = protos.session.PLAN_STATUS_COMPLETED


def text_of(ask) -> str:
    kind = ask.WhichOneof("kind")
    if kind is None:
        return ask.why
    body = getattr(ask, kind)
    return getattr(body, "title", "") or getattr(body, "summary", "") or getattr(body, "text", "")


def ask_info(ask):
    kind = ask.WhichOneof("kind")
    out = protos.link.OpenAskInfo(
        ask_id=ask.ask_id, text=cut_text(text_of(ask), 120),
        kind=ask.DESCRIPTOR.fields_by_name[kind].number if kind else 0)
    for option in ask.options:
        option_id = option.option_id
        if len(option_id.encode()) > 63:
            if not broken("2.7.4"):
                continue  # 2.7.4: an option whose id does not fit is left out whole
            option_id = cut_text(option_id, 63)
        if len(out.options) < 6:
            out.options.add(option_id=option_id, label=cut_text(option.label, 63))
    return out


def session_info(state, local_input_ms: int) -> bytes:
    """Encoded, of at most 1 KiB. `state` is a folded SessionState."""
    plan_done = sum(1 for entry in state.plan if entry.status == PLAN_COMPLETED)
    info = protos.link.SessionInfo(
        title=state.title, status=state.status, status_since_ms=state.status_since_ms,
        activity=cut_text(state.activity, 120), plan_done=plan_done, plan_total=len(state.plan),
        asks=[ask_info(a) for a in list(state.asks)[:3]], asks_total=len(state.asks),
        local_input_ms=local_input_ms, remote_mode=state.remote_mode)
    for known in list(state.outcomes)[-8:][::-1]:
        info.outcomes.add(command_id=known.command_id, outcome=known.outcome, code=known.code)
    while info.ByteSize() > INFO_BYTES_MAX and cut_one(info):
        pass  # 2.7.4: options, then outcomes, then asks
    return info.SerializeToString()


def cut_one(info) -> bool:
    for ask in reversed(info.asks):
        if ask.options:
            del ask.options[-1]
            return True
    for entries in (info.outcomes, info.asks):
        if entries:
            del entries[-1]
            return True
    return False
