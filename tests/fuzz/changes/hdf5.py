"""What can happen to the parts of an HDF5 file: exchanged, retyped, reshaped, gone, elsewhere."""

import h5py
import numpy as np


def datasets(file):
    """The names of all arrays."""
    found = []
    file.visititems(lambda name, item: found.append(name) if hasattr(item, "dtype") else None)
    return found


def put(file, name, values, **layout):
    del file[name]
    file.create_dataset(name, data=values, **layout)


def exchanged_arrays(draw, file, donor):
    first, second = draw.sample(datasets(file), 2)
    values = file[first][()], file[second][()]
    put(file, first, values[1])
    put(file, second, values[0])


def exchanged_attributes(draw, file, donor):
    first, second = draw.sample(sorted(file.attrs), 2)
    values = [(file.attrs[name], file.attrs.get_id(name).dtype) for name in (first, second)]
    for name, (value, dtype) in zip((second, first), values, strict=True):
        file.attrs.create(name, value, dtype=dtype)


def array_of_the_donor(draw, file, donor):
    name = draw.choice(datasets(file))
    put(file, name, donor[name][()])


def attribute_of_the_donor(draw, file, donor):
    name = draw.choice(sorted(file.attrs))
    file.attrs.create(name, donor.attrs[name], dtype=donor.attrs.get_id(name).dtype)


def retyped(draw, file, donor):
    name = draw.choice(datasets(file))
    kinds = ("f2", "f4", "f8", "i1", "i4", "i8", "u1", ">f4", ">i8", "?", "S3", "c8")
    with np.errstate(all="ignore"):
        put(file, name, file[name][()].astype(draw.choice(kinds)))


def reshaped(draw, file, donor):
    name = draw.choice(datasets(file))
    values = file[name][()]
    changes = (
        lambda v: v[:-1],
        lambda v: v[:0],
        lambda v: v[None],
        lambda v: v.reshape(-1),
        lambda v: v.T,
        lambda v: np.concatenate([v, v]),
        lambda v: v.reshape(-1)[0],
    )
    put(file, name, draw.choice(changes)(values))


def other_values(draw, file, donor):
    name = draw.choice(datasets(file))
    values = file[name][()]
    flat = values.reshape(-1)
    place = draw.randrange(flat.size)
    flat[place] = draw.choice((0, 1, 255, flat[place - 1], flat[place] // 2))
    put(file, name, values)


def other_attribute(draw, file, donor):
    name = draw.choice(sorted(file.attrs))
    values = ("", "x", 3, -1, 10**15, 0.5, [1.0, 2.0, 3.0], b"\xff\xfe", [], h5py.Empty("f8"))
    file.attrs[name] = draw.choice(values)


def gone(draw, file, donor):
    if draw.random() < 0.5:
        del file[draw.choice(datasets(file))]
    else:
        del file.attrs[draw.choice(sorted(file.attrs))]


def elsewhere(draw, file, donor):
    name = draw.choice(datasets(file))
    values = file[name][()]
    del file[name]
    kind = draw.randrange(5)
    if kind == 0:
        file[name] = h5py.SoftLink(f"/{name}")
    elif kind == 1:
        file[name] = h5py.ExternalLink(donor.filename, name)
    elif kind == 2:
        file.create_group(name)
    elif kind == 3:
        file.create_dataset(name, data=values, **draw.choice(({"chunks": True}, {"dtype": "O"})))
    else:
        file.create_dataset(name, (10 ** draw.randrange(6, 15), *values.shape[1:]), values.dtype)


PARTS = (
    exchanged_arrays,
    exchanged_attributes,
    array_of_the_donor,
    attribute_of_the_donor,
    retyped,
    reshaped,
    other_values,
    other_attribute,
    gone,
    elsewhere,
)


def change_a_part(draw, path, donor_path):
    """Do one of :data:`PARTS` to the file at ``path``; one that h5py itself refuses is skipped."""
    change = draw.choice(PARTS)
    with h5py.File(path, "r+") as file, h5py.File(donor_path) as donor:
        try:
            change(draw, file, donor)
        except (TypeError, ValueError):  # no such cast, no such layout
            return "not possible"
    return change.__name__
