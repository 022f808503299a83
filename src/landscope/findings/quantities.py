"""The quantities that findings read, each named once, so that no finding rests on a misspelt one.

They are those that the probes, the scope and a study's training loop record.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity as it is recorded.

    Args:
        probe: Id of the probe that records it.
        name: Its name.
        unit: Unit of its values.
        usual: Of a quantity that is recorded only where it is unusual: its value elsewhere.
        beside: Of such a quantity: another one of the probe, recorded at each measurement.
    """

    probe: str
    name: str
    unit: str = "1"
    usual: float = 0.0
    beside: "Quantity | None" = None

    @property
    def key(self) -> tuple[str, str]:
        """Probe and name, as a reading has them."""
        return self.probe, self.name

    def __str__(self) -> str:
        return f"{self.probe}/{self.name}"


_SLOPE = "loss / parameter"

LOSS = Quantity("gradient", "loss", "loss")
GRADIENT_NORM = Quantity("gradient", "gradient_norm", _SLOPE)
AGREEMENT = Quantity("gradient", "agreement")
GRADIENT_SCALE = Quantity("gradient", "gradient_scale")
BATCHES = Quantity("gradient", "batches")
USED_COSINE = Quantity("gradient", "used_cosine")
USED_SCALE = Quantity("gradient", "used_scale")
BACKWARD_PASSES = Quantity("gradient", "backward_passes")
LEFT_OVER = Quantity("gradient", "left_over")
GRADIENT_SHARE = Quantity("gradient", "gradient_share", usual=1.0, beside=GRADIENT_NORM)
UNOWNED = Quantity("gradient", "unowned", beside=GRADIENT_NORM)
LARGEST_CLASS = Quantity("gradient", "largest_class", beside=GRADIENT_NORM)
LARGEST_CLASS_NUMBER = Quantity("gradient", "largest_class_number")

UPDATE_NORM = Quantity("update", "update_norm", "parameter")
RELATIVE_UPDATE = Quantity("update", "relative_update")
SUCCESSIVE_COSINE = Quantity("update", "successive_cosine")
LOST = Quantity("update", "lost", beside=UPDATE_NORM)

SAFE_MULTIPLE = Quantity("step_size", "safe_multiple")
SAFE_LR = Quantity("step_size", "safe_lr", "step size")
LR = Quantity("step_size", "lr", "step size")
SHARPNESS_LR = Quantity("step_size", "sharpness_lr")

LINE_LOSS = Quantity("line[paper]", "loss", "loss")
LINE_START_LOSS = Quantity("line[paper]", "start_loss", "loss")
LINE_GRADIENT_NORM = Quantity("line[paper]", "gradient_norm", _SLOPE)
LINE_BETA_LR = Quantity("line[paper]", "beta_lr")
LINE_EFFECTIVE_BETA = Quantity("line[paper]", "effective_beta", "loss / parameter^2")

NOISE_SCALE = Quantity("noise_scale", "noise_scale", "samples")
BATCH_SIZE = Quantity("noise_scale", "batch_size", "samples")
EFFICIENCY = Quantity("noise_scale", "efficiency")

SHIFT_COSINE = Quantity("covariate_shift", "shift_cosine")

TRAINING_LOSS = Quantity("norm_health", "training_loss", "loss")
EVALUATION_LOSS = Quantity("norm_health", "evaluation_loss", "loss")
EVALUATION_GAP = Quantity("norm_health", "evaluation_gap")
HALF_BATCH_GAP = Quantity("norm_health", "half_batch_gap")
MEAN_GAP = Quantity("norm_health", "mean_gap")
VARIANCE_GAP = Quantity("norm_health", "variance_gap")
DEAD_SCALES = Quantity("norm_health", "dead_scales")
EVALUATION_MODE = Quantity("norm_health", "evaluation_mode", beside=TRAINING_LOSS)
STATISTICS_UNSET = Quantity("norm_health", "statistics_unset", beside=TRAINING_LOSS)
STATISTICS_STILL = Quantity("norm_health", "statistics_still", beside=TRAINING_LOSS)

INPUT_MEAN_CHANGE = Quantity("input_drift", "input_mean_change", "activation")
INPUT_SIZE = Quantity("input_drift", "input_size")
INPUT_SPREAD = Quantity("input_drift", "input_spread")
SILENT_INPUTS = Quantity("input_drift", "silent_inputs", beside=INPUT_MEAN_CHANGE)

TRAIN_LOSS = Quantity("training", "train_loss", "loss")
TRAIN_DATA_LOSS = Quantity("training", "train_data_loss", "loss")
TEST_LOSS = Quantity("training", "test_loss", "loss")

SHARE = Quantity("scope", "share")
ASKED_SHARE = Quantity("scope", "asked_share")
PROCESSES = Quantity("scope", "processes")
FAILED = Quantity("scope", "failed")
LEFT_OUT = Quantity("scope", "left_out")
MOVING_LOSS = Quantity("scope", "moving_loss")
NOTHING_TO_READ = Quantity("scope", "nothing_to_read")
BLOCKS_WITHOUT_UPDATE = Quantity("scope", "blocks_without_update")
CHANGED_INSIDE = Quantity("scope", "weights_changed_inside")
CHANGED_OUTSIDE = Quantity("scope", "weights_changed_outside")
