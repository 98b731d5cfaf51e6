"""From the name of a method to the name of an event: update_profile -> profile_updated.

The first word of the method is the verb; only verbs that change something are known here, so that readers (find_by_id,
list_all) and helpers (validate, to_dict) never publish by accident.  The list is the Node kit's.
"""
import re
from typing import List, Optional

REGULAR = """
accept achieve activate add approve archive assign award block burn calculate change claim clear close complete confirm create
deactivate decline decrement delete demote deposit disable dismiss edit enable end expire feature finish follow
increment insert invite issue join kick lock mark merge mint move open pause place post promote publish rate record register
reject release remove rename reopen replace report resolve restore resume revoke save schedule share start store suspend
toggle trade transition unblock unfollow unlock unpublish update upload upsert upvote vote
""".split()
IRREGULAR = {
    "ban": "banned", "buy": "bought", "cancel": "cancelled", "drop": "dropped", "flag": "flagged", "give": "given",
    "hide": "hidden", "leave": "left", "lose": "lost", "make": "made", "pay": "paid", "pin": "pinned", "put": "put",
    "reset": "reset", "sell": "sold", "send": "sent", "set": "set", "stop": "stopped", "submit": "submitted",
    "swap": "swapped", "tag": "tagged", "take": "taken", "transfer": "transferred", "unban": "unbanned",
    "unpin": "unpinned", "win": "won", "withdraw": "withdrawn", "write": "written",
}


def _past(verb: str) -> str:
    if verb.endswith("e"):
        return verb + "d"
    return verb[:-1] + "ied" if re.search(r"[^aeiou]y$", verb) else verb + "ed"


PAST = {**{verb: _past(verb) for verb in REGULAR}, **IRREGULAR}


def _words(name: str) -> List[str]:
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return [word.lower() for word in name.split("_") if word]


def event_name(method: str, repository: str = "") -> Optional[str]:
    """update_profile -> profile_updated, delete -> deleted, create_user of "user" -> created; what follows "by" or "for" is
    left out (update_by_id -> updated).  None: not the name of a change."""
    words = _words(method)
    if method.startswith("_") or not words or words[0] not in PAST:
        return None
    done, rest = PAST[words[0]], words[1:]
    if rest and rest[-1] in ("sync", "async"):
        rest.pop()
    for i, word in enumerate(rest):
        if word in ("by", "for"):
            rest = rest[:i]
            break
    return done if not rest or rest == _words(repository) else "_".join(rest + [done])
