"""Tells Chiffon's agent what the vault decrypts, so that it is redacted from everything that the play says.

Owns: one line of base64 for each decrypted text, in the file that CHIFFON_VAULTED names. Shows nothing itself.
"""

import base64
import os

from ansible.parsing.vault import VaultLib
from ansible.plugins.callback import CallbackBase

DECRYPT = VaultLib.decrypt_and_get_vault_id


def _decrypt(vault, *arguments, **named):
    answer = DECRYPT(vault, *arguments, **named)
    plain = answer[0] if isinstance(answer[0], bytes) else str(answer[0]).encode("utf-8", "surrogateescape")
    # One write at the file's end: the forks of a play write beside each other.
    handle = os.open(os.environ["CHIFFON_VAULTED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, base64.b64encode(plain) + b"\n")
    finally:
        os.close(handle)
    return answer


if os.environ.get("CHIFFON_VAULTED"):
    VaultLib.decrypt_and_get_vault_id = _decrypt


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "chiffon_vaulted"
