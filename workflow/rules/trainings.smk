# What is trained or given: networks, members of cascades, teachers; where their weights lie.
from erde.experiment.network_places import place_of_network
from erde.running.gpus.enough import check_gpus


def training_of(wildcards):
    """What is trained in the folder of the wildcards, a variant's or a member's."""
    exp = experiment(wildcards.experiment)
    if "member" in wildcards.keys():
        folder = f"{MEMBERS}/{wildcards.member}"
    else:
        folder = wildcards.variant if variant(wildcards) else None
    trainings = exp.trainings()
    if folder not in trainings:
        raise refusal(
            f"experiment {wildcards.experiment!r} trains nothing in {folder!r}"
        )
    return trainings[folder]


def student_settings(wildcards):
    """The student's settings, with the network that is trained here and its variant's ``train``."""
    return learned(training_of(wildcards).settings)


def teacher_settings(wildcards):
    """The teacher's settings; that of all images is the same whatever folds there are besides."""
    keys = settings("teacher")(wildcards)
    return keys | {"folds": 1} if wildcards.teacher == "teacher" else keys


def network_of_variant(wildcards):
    """Whose code counts where a variant's network is built."""
    variant(wildcards)
    return [experiment(wildcards.experiment).network_of(wildcards.variant)]


def students(pattern):
    """An input function: ``pattern`` for every variant and seed of the experiment."""

    def paths(wildcards):
        exp = experiment(wildcards.experiment)
        return expand(
            pattern,
            experiment=wildcards.experiment,
            variant=list(exp.variants),
            seed=exp.seeds,
        )

    return paths


def teachers(wildcards):
    """The networks that fill the cache: the teacher, or one per fold."""
    trained = experiment(wildcards.experiment).trained_teacher
    folds = 1 if trained is None else trained.folds
    names = ["teacher"] if folds == 1 else [f"teacher/fold{k}" for k in range(folds)]
    return [
        f"results/{wildcards.experiment}/{name}/weights.safetensors" for name in names
    ]


def verified(wildcards):
    """The check of the cache, where a variant reads it."""
    exp, folder = experiment(wildcards.experiment), f"results/{wildcards.experiment}"
    cached = any(variant.reads_cache for variant in exp.variants.values())
    return [f"{folder}/teacher_logits_verified.json"] if cached else []


@functools.cache
def start_hash(network):
    """What it is when the run is planned: Snakemake asks again when a job is due."""
    return network.start_hash()


def content_of_start(wildcards, network, place):
    """Of the weights that a training starts from; ``place`` in the experiment file."""
    try:
        return start_hash(network)
    except ErdeError as error:
        raise refused(wildcards.experiment, f"{place}.{error}") from None


def only_if_trained(wildcards):
    """An input function that names no file: a given teacher is not trained."""
    if experiment(wildcards.experiment).given_teacher is not None:
        return ["nothing to train: the teacher is there already"]
    return []


def only_if_given(wildcards):
    """The other way round."""
    if experiment(wildcards.experiment).given_teacher is None:
        # Snakemake tries every rule that could make the file, and shows what the last one says.
        enough_gpus("teacher", "teacher")(wildcards)
        return ["nothing to read: the teacher is trained here"]
    return []


def is_network(teacher):
    """Whether the teacher is a network of PyTorch, trained here or given by its weights."""
    return hasattr(teacher, "network")


@functools.cache
def content_of_teacher(name):
    """What it is when the run is planned."""
    return file_hashes(experiment(name).given_teacher)


def given_content(wildcards):
    """Of each file that a given teacher is made of, its content."""
    return content_of_teacher(wildcards.experiment)


def given_settings(wildcards):
    """What is said of a given teacher but where its files lie."""
    given = experiment(wildcards.experiment).given_teacher
    keys = settings("teacher")(wildcards)
    return {key: value for key, value in keys.items() if key not in given.files}


def files_of_users(job):
    """The files that the experiment file has a job read, by their place in it; no rule's inputs."""
    exp, wildcards = experiment(job.wildcards.experiment), job.wildcards
    if job.rule.name == "given_teacher":
        return {f"teacher.{key}": path for key, path in exp.given_teacher.files.items()}
    if job.rule.name in ("student", "member"):
        network = training_of(wildcards).network
        place = place_of_network(exp, network)
    elif job.rule.name in ("teacher", "rival"):
        place = f"{'teacher' if job.rule.name == 'teacher' else 'student'}.network"
        network = getattr(exp, place.partition(".")[0]).network
    else:
        return {}
    start = network.weights if network.start_hash() else None
    return {f"{place}.weights": start} if start else {}


def start(part):
    """A params function: of the weights that trainings start from, their content."""

    def content(wildcards):
        network = getattr(experiment(wildcards.experiment), part).network
        return content_of_start(wildcards, network, f"{part}.network")

    return content


def start_of_training(wildcards):
    """The same for what is trained in the folder of the wildcards."""
    network = training_of(wildcards).network
    place = place_of_network(experiment(wildcards.experiment), network)
    return content_of_start(wildcards, network, place)


def student_networks(wildcards):
    """Whose networks a student's training builds: its own, and a teacher that is asked online."""
    online = "online" in teacher_of_student(wildcards)
    own = training_of(wildcards).network
    return [own, "teacher"] if online else [own]


def networks_of(wildcards):
    """Whose network stands in the folder ``network``."""
    if wildcards.network == "teacher":
        return ["teacher"]
    exp, folder = experiment(wildcards.experiment), wildcards.network.rpartition("/")[0]
    if folder in exp.variants:
        return [exp.network_of(folder)]
    training = exp.trainings().get(folder)
    return ["student"] if training is None else [training.network]


def teacher_of_student(wildcards):
    """What a student needs of its teacher: the cache, the network itself, or nothing."""
    chosen, folder = training_of(wildcards), f"results/{wildcards.experiment}"
    if chosen.reads_cache:
        return {"cache": f"{folder}/teacher_logits.h5"}
    if chosen.loss.needs_teacher:
        return {"online": f"{folder}/teacher/weights.safetensors"}
    return {}


def member_weights(wildcards):
    """The weights of the members of a variant's cascade."""
    exp = experiment(wildcards.experiment)
    if not is_cascade(variant(wildcards)):
        raise refusal(
            f"experiment {wildcards.experiment!r} has no cascade {wildcards.variant!r}"
        )
    return [
        f"results/{wildcards.experiment}/{folder}/seed{wildcards.seed}/weights.safetensors"
        for folder in exp.member_folders(wildcards.variant)
    ]


def weights_file(wildcards, network):
    """The weights in a folder below results/<experiment>/, trained or put together."""
    variants = experiment(wildcards.experiment).variants
    name = network.partition("/")[0]
    made = name in variants and is_cascade(variants[name])
    file = "cascade" if made else "weights"
    return f"results/{wildcards.experiment}/{network}/{file}.safetensors"


def weights_of_network(wildcards):
    """An input function: of the wildcard ``network``."""
    return weights_file(wildcards, wildcards.network)


def weights_of_student(wildcards):
    """An input function: of a variant and seed."""
    return weights_file(wildcards, f"{wildcards.variant}/seed{wildcards.seed}")


@functools.cache
def gpus_here():
    """How many GPUs jobs may use on this machine."""
    return visible_gpus() if GPUS_SAID is None else GPUS_SAID


def enough_gpus(part, folder):
    """An input function that names no file: a training that is due finds its GPUs here.

    ``folder`` is where its weights go, below ``results/<experiment>/``.
    """

    def checked(wildcards):
        exp, place = experiment(wildcards.experiment), folder.format(**wildcards)
        made = Path("results", wildcards.experiment, place, "weights.safetensors")
        if made.exists() or on_cluster() or not wants_gpu(wildcards):
            return []
        processes = training(part, wildcards).processes
        try:
            check_gpus(exp.device, part, processes, gpus_here, QUESTIONS)
        except ErdeError as error:
            raise refused(wildcards.experiment, error) from None
        return []

    return checked
