import pytest

from dynakit.errors import InputError
from dynakit.tasks import Adding, CountingLanguage, FlipFlop, Parity, SetReset, Xor, by_name


@pytest.mark.parametrize(
    ("spec", "task"),
    [
        ("flip-flop", FlipFlop()),
        ("flip-flop:n_bits=2,p_flip=0.1", FlipFlop(n_bits=2, p_flip=0.1)),
        ("flip-flop: n_bits = 2 , p_flip = 1e-1", FlipFlop(n_bits=2, p_flip=0.1)),
        ("flip-flop:repulse_every=none", FlipFlop()),
        ("flip-flop:repulse_every=20", FlipFlop(repulse_every=20)),
        ("set-reset:quiet_gap=20", SetReset(quiet_gap=20)),
        ("set-reset:quiet_gap=10..60", SetReset(quiet_gap=(10, 60))),
        ("adding:variant=modern,length=50", Adding(variant="modern", length=50)),
        ("counting-language:letters=abc,n=1..20", CountingLanguage("abc", n=(1, 20))),
        ("parity:signed=true", Parity(signed=True)),
        ("xor:memory_gap=5..9,input_noise=0", Xor(memory_gap=(5, 9), input_noise=0)),
    ],
)
def test_specs(spec, task):
    assert by_name(spec) == task


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("flip-flap", "task must be one of .*did you mean 'flip-flop'"),
        ("", "task must be one of"),
        (3, "task must be one of"),
        ("flip-flop:n_bit=3", "parameter of flip-flop must be one of .*did you mean 'n_bits'"),
        ("flip-flop:n_bits", "name=value"),
        ("flip-flop:n_bits=", "name=value"),
        ("flip-flop:n_bits=2,n_bits=3", "given twice"),
        ("flip-flop:n_bits=two", "n_bits must be a number, a range"),
        ("flip-flop:n_bits=2.5", "n_bits must be a whole number"),
        ("flip-flop:p_flip=2", "p_flip"),
        ("adding:variant=old", "variant must be one of '1997', 'modern', got 'old'"),
        ("set-reset:quiet_gap=10..", "quiet_gap must be a number, a range"),
        ("set-reset:quiet_gap=80..10", "quiet_gap must be a pair"),
    ],
)
def test_bad_specs_name_the_nearest_or_the_parameter(spec, words):
    with pytest.raises(InputError, match=words):
        by_name(spec)
