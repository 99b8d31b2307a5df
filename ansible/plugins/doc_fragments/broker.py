"""Options of modules that talk to the broker."""

from __future__ import annotations


class ModuleDocFragment:
    """What Ansible asks for."""

    DOCUMENTATION = r"""
options:
  host:
    description: Name or address of the broker.
    type: str
    required: true
  port:
    description: Of the broker. V(8883) where O(ca) is given, else V(1883), if not set.
    type: int
  ca:
    description: The authority that signed the broker's certificate. With it the connection is encrypted.
    type: path
  cert:
    description: A certificate for the broker.
    type: path
  key:
    description: Its key.
    type: path
  username:
    description: For a broker that asks for one.
    type: str
  password:
    description: For a broker that asks for one.
    type: str
  settle:
    description: Seconds in which all that is retained must have arrived.
    type: float
    default: 3
requirements:
  - paho-mqtt >= 2.1 where the module runs, which is the controller
"""
