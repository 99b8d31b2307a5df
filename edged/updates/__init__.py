"""Model updates: from a signed bundle to a committed model, with automatic rollback.

**The state machine.** A bundle's way from the request to its outcome is a *deployment*. One deployment is in flight at a time::

    fetching ─▶ staged ─▶ verified ─▶ self-tested ─▶ trial ─▶ committed
        │          │          │            │           └────▶ rolled-back
        └──────────┴──────────┴────────────┴────────────────▶ rejected

- *fetching*: the bundle is being downloaded. A broken download continues where it stopped.
- *staged*: the whole bundle is on this device.
- *verified*: its signatures and digests are right, it may be installed on this device, and it is unpacked into the store.
- *self-tested*: a sandboxed process has run the model on its goldens, within its budgets.
- *trial*: the candidate is active, with the installed model beside it as its shadow.
- *committed*: the candidate has become the current version, and the one before it the previous version.
- *rolled-back*, *rejected*: the installed model is active, as before. The record says why (`EndCause`).

A step is durable in the ledger before anything follows from it, and each step can be repeated. After a power cut or a crash at any moment
the device therefore continues from the state in the ledger. In a trial nothing is switched permanently: every way out of it except a
commit leads back to the installed model. A deployment that cannot continue for a passing reason (no network, no space) is *blocked*: it
keeps its state, and is tried again after a pause. A trial is *suspended* while the environment keeps it from being judged: the daemon was
paused, a disk does not answer, no camera delivers, the board throttles, the disk is full. It ends early when the daemon crashes three times, the host boots five times
or three workers are lost in it for reasons outside the model; the version is not denied then. Any deployment ends after 40 steps.

Without a deployment, a device goes one step back, from the current version to the previous one or to the factory model: when an operator
requests it, or when `edged rescue` finds that the daemon keeps crashing. `edged.updates.rules.rollback` is the one rule for all of that.

**The folders**, from the lowest layer to the highest, and the processes that run them:

- `bundle`: the signed file. Runs in the installer, and on the workstation that makes bundles.
- `rules`: pure rules, from a ledger and an event to the next ledger. Run in every process that changes a ledger.
- `store`: the versions, the ledger and the lock on the disk. Runs in the daemon, in the installer to which the daemon hands the lock, and in
  a command when no daemon runs. One of them writes at a time.
- `installer`: a child process of the daemon. It takes a deployment from *fetching* to *self-tested*, so that the network, cryptography and
  untrusted files stay out of the daemon. Only `process` and `messages` run in the daemon.
- `service`: in the daemon, the supervisor's thread starts the installer, judges trials, and decides what is done next; a thread of the store's disk
  does it (`store_steps`), and selects the active model. So a disk that does not answer stops neither inference nor the rest of the daemon.
  `operations` (status, install, commit, rollback, garbage collection) also run in a command when no daemon runs.

The candidate and its shadow run in the vision worker (`edged.vision.worker`), and the self-test in a sandboxed process (`edged.selftest`).
"""
