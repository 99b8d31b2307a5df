"""The lookup `bundle`; DOCUMENTATION describes it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: bundle
author: The edged authors (@edged)
version_added: "1.0.0"
short_description: Read the manifest of a model bundle on the controller
description:
  - Reads the manifest of a bundle. The lookup does not verify the signatures. Each device verifies them with the keys that it trusts.
options:
  _terms:
    description: Paths of bundles on the controller.
    required: true
"""

EXAMPLES = r"""
- name: Show the version of a bundle
  ansible.builtin.debug:
    msg: "{{ lookup('edged.fleet.bundle', 'marks-1.1.edgem').title }}"
"""

RETURN = r"""
_raw:
  description: For each bundle its C(digest), C(title), C(name), C(version), C(counter) and C(epoch).
  type: list
  elements: dict
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible_collections.edged.fleet.plugins.module_utils.bundle import (
    BundleUnreadableError,
    read_bundle,
)

from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    """The class that Ansible loads from this file."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **_options: Any
    ) -> list[dict[str, Any]]:
        """Return the manifest values of each bundle.

        Args:
            terms: paths of bundles.
            variables: variables of the host; they define where relative paths begin.
            _options: unused.

        Raises:
            AnsibleLookupError: if a file is not a bundle, or cannot be read.
        """
        try:
            return [
                read_bundle(self.find_file_in_search_path(variables, "files", term) or term)
                for term in terms
            ]
        except BundleUnreadableError as error:
            raise AnsibleLookupError(str(error)) from None
