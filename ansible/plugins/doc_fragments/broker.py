"""Options of the modules that connect to the broker."""

from __future__ import annotations


class ModuleDocFragment:
    """The class that Ansible loads from this file."""

    DOCUMENTATION = r"""
options:
  host:
    description: Name or address of the broker.
    type: str
    required: true
  port:
    description: Port of the broker. If not set, V(8883) with O(ca), and V(1883) without.
    type: int
  ca:
    description: Certificate of the authority that signed the broker's certificate. With it the connection is encrypted.
    type: path
  cert:
    description: Client certificate.
    type: path
  key:
    description: Key of the client certificate.
    type: path
  username:
    description: User name, if the broker requires one.
    type: str
  password:
    description: Password, if the broker requires one.
    type: str
  settle:
    description: Time to wait for the retained messages after the subscription, in seconds.
    type: float
    default: 3
requirements:
  - paho-mqtt >= 2.1 where the module runs, which is the controller
"""
