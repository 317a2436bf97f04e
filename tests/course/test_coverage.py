"""Every topic of the source documents is taught in a section, and worked by an exercise or test."""

from dataclasses import replace

import pytest

from nncourse.course.coverage import problems, read_table, works

TOPICS, LATER = read_table()

# What the five documents teach, by hand: the table must not lose a topic.
WANTED = {
    "slides-on-dense-networks": """neuron, logic, graph, dense, activation, backpropagation,
        momentum, Nesterov, Adagrad, RMSProp, Adam, animation, initialisation, dropout,
        BatchNorm""",
    "slides-perceptron-to-lstm": """perceptron, multilayer, Cybenko, SG, forward,
        back-propagation, momentum, Nesterov, RMSProp, AdaDelta, Adam, Nadam, activation, RNN,
        BPTT, LSTM, peepholes, GRU, plain dropout, inverted dropout, BatchNorm""",
    "spoken-lecture-on-layers": """ReLU, Leaky ReLU, ELU, tanh, sigmoid, softmax, MSE, MAE,
        matrix form, forward pass keeps, vectorisation, initial""",
    "notes-on-the-linear-classifier": """linear classifier, softmax, log-likelihood, L2,
        finite differences, mini-batch, max node, gradients add""",
    "lecture-on-training": """universal approximation, convolutional, RNN, transformers,
        autoencoders, stochastic, wide, numerical gradients, graph, vanishing, residual, LSTM,
        GRU, frameworks""",
}


@pytest.mark.parametrize("document", WANTED)
def test_no_topic_is_lost(document):
    assert document in {topic.document for topic in TOPICS}
    names = [topic.name.lower() for topic in TOPICS] + [name.lower() for name in LATER]
    for topic in WANTED[document].split(","):
        wanted = " ".join(topic.split()).lower()
        assert any(wanted in name for name in names), wanted


@pytest.mark.parametrize("topic", TOPICS, ids=str)
def test_a_topic_is_taught_and_worked(root, topic):
    assert list(problems(root, [topic], {})) == []


def test_open_topics_belong_to_lectures_still_to_come(root):
    assert list(problems(root, [], LATER)) == []
    assert all(name and number.isdigit() for name, number in LATER.items())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"lecture": "99-none"}, "no lecture"),
        ({"heading": "Nothing of the kind"}, "no section"),
        ({"words": "unheard of"}, "does not say"),
        ({"heading": "Sources and further reading", "words": "softmax"}, "asks nothing"),
        ({"practice": "ps05.unknown"}, "neither a piece"),
        ({"practice": "ps77.neuron"}, "neither a piece"),
        ({"practice": "tests/lectures/test_02_linear_models.py::test_none"}, "neither a piece"),
        ({"practice": "tests/none.py"}, "neither a piece"),
    ],
)
def test_what_is_missing_is_found(root, change, problem):
    topic = next(topic for topic in TOPICS if topic.name == "softmax")
    assert any(problem in found for found in problems(root, [replace(topic, **change)], {}))


def test_a_topic_left_open_though_its_lecture_is_there_is_found(root):
    assert list(problems(root, [], {"softmax": "02"}))


def test_pieces_and_tests_are_told_apart(root):
    assert works(root, "ps05.relu_backward")
    assert works(root, "tests/course/test_coverage.py::test_pieces_and_tests_are_told_apart")
    assert not works(root, "tests/course/conftest.py::test_nothing")
