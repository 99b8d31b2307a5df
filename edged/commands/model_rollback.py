"""``model.rollback``: end the deployment in flight, or go back to the previous model."""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from edged.interfaces.command import Device, Finish


class ModelRollbackArgs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The arguments of ``model.rollback``."""

    reason: Annotated[
        str, Meta(max_length=200, description="Why, in words; up/model shows it.")
    ] = ""


class ModelRollbackCommand:
    """Rolls the model back."""

    Args: ClassVar[type[Struct]] = ModelRollbackArgs
    summary: ClassVar[str] = (
        "End the deployment in flight; without one, go back to the previous model."
    )

    def execute(self, args: ModelRollbackArgs, device: Device, finish: Finish) -> None:
        """Roll back; the outcome comes when it is recorded.

        Args:
            args: the arguments.
            device: carries it out.
            finish: gets the outcome.
        """
        device.roll_back_model(args.reason, finish)
