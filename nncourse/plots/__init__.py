"""Matplotlib pictures of the course. Each function draws on axes and returns them.

Give ``axes=`` to draw into a figure of your own; without it a function makes one in the course's
style. Labels are in the language of ``nncourse.language``.
"""

from nncourse.plots.activations import (
    activation_curves,
    deviations_through_depth,
    loss_curves,
)
from nncourse.plots.differences import difference_error, difference_near_kink
from nncourse.plots.digits import digit_grid
from nncourse.plots.graphs import computation_graph, gradient_orders, gradient_paths, mode_costs
from nncourse.plots.layers import (
    decision_maps,
    folded_lines,
    region_layers,
    timings,
)
from nncourse.plots.linear import (
    binary_losses,
    constant_losses,
    image_to_scores,
    weight_images,
)
from nncourse.plots.memory import gate_strips, gradient_through_time, lstm_steps
from nncourse.plots.movie import optimizer_movie
from nncourse.plots.network import matrix_shapes, network_passes
from nncourse.plots.neuron import gate_planes, neuron_graph, neuron_maps
from nncourse.plots.optimisation import (
    gradient_noise,
    schedules,
    smoothed_risk,
    step_sizes,
)
from nncourse.plots.perceptron import perceptron_growth, perceptron_steps
from nncourse.plots.recurrent import forecasts, gradient_cliff, sequence_tasks
from nncourse.plots.start import (
    learning_curves,
    polynomial_fits,
    timeline,
)
from nncourse.plots.style import make_axes
from nncourse.plots.training import (
    gradient_through_depth,
    history,
    layer_statistics,
    learning_rates,
)

__all__ = [
    "activation_curves",
    "binary_losses",
    "computation_graph",
    "constant_losses",
    "decision_maps",
    "deviations_through_depth",
    "difference_error",
    "difference_near_kink",
    "digit_grid",
    "folded_lines",
    "forecasts",
    "gate_planes",
    "gate_strips",
    "gradient_cliff",
    "gradient_noise",
    "gradient_orders",
    "gradient_paths",
    "gradient_through_depth",
    "gradient_through_time",
    "history",
    "image_to_scores",
    "layer_statistics",
    "learning_curves",
    "learning_rates",
    "loss_curves",
    "lstm_steps",
    "make_axes",
    "matrix_shapes",
    "mode_costs",
    "network_passes",
    "neuron_graph",
    "neuron_maps",
    "optimizer_movie",
    "perceptron_growth",
    "perceptron_steps",
    "polynomial_fits",
    "region_layers",
    "schedules",
    "sequence_tasks",
    "smoothed_risk",
    "step_sizes",
    "timeline",
    "timings",
    "weight_images",
]
