"""Time of fit + predict of adaptation methods, against skada, adapt and POT where they have them.

Every run is a process of its own with one BLAS thread, and ends at a time limit. Beside the time
stand the accuracy on the target and a figure of what the method is after, computed alike for all:

- TCA: squared distance of the domains' means in the components, over the components' variance;
- CORAL: distance of the covariances after the move, over the target's, in 200 random directions;
- KMM: its objective, ½ βᵀKβ − κᵀβ over n² (less is better), of the weights that it finds;
- OptimalTransport: cost of the plan over the largest cost (exact plans: less is better).

Sizes: 201 × 15,045, the published features of CASME II and SMIC-VIS (or random histograms where
they are missing), and 1,500 × 2,000, random. Peers that are not installed are left out: skada and
POT come with the test extra, adapt needs TensorFlow. Prints a markdown table.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time
import warnings

import numpy as np
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

SIZES = {"201x15045": (130, 71, 15045), "1500x2000": (750, 750, 2000)}
# Method: library -> how to run it. Names only: each is built in its own process.
METHODS = {
    "SourceOnly": ["cdmer"],
    "TCA": ["cdmer", "skada", "adapt"],
    "SubspaceAlignment": ["cdmer", "skada", "adapt"],
    "CORAL": ["cdmer", "skada", "adapt"],
    "KMM": ["cdmer", "skada", "adapt"],
    "ULSIF": ["cdmer", "adapt"],
    "KLIEP": ["cdmer", "skada", "adapt"],
    "OptimalTransport": ["cdmer", "skada", "POT"],
    "OptimalTransport, entropic": ["cdmer", "skada", "POT"],
    "GFK": ["cdmer"],
    "TKL": ["cdmer"],
    "JDA": ["cdmer"],
    "STM": ["cdmer"],
    "DRLS": ["cdmer"],
    "TGSR": ["cdmer"],
    "KGSL": ["cdmer"],
    "TTRM": ["cdmer"],
}
K, REG_CORAL, REG_OT = 20, 1e-3, 0.05


def data(size):
    """Source rows and labels, target rows and labels."""
    n_source, n_target, n_features = SIZES[size]
    if size == "201x15045":
        try:
            from cdmer.corpora import load_published_features

            source, target = (
                load_published_features(name, progress=False) for name in ("casme2", "smic-vis")
            )
            return source.features, source.labels, target.features, target.labels
        except (FileNotFoundError, OSError):
            pass
    rng = np.random.default_rng(0)
    y = np.arange(n_source + n_target) % 3
    X = rng.gamma(1.0, size=(len(y), n_features))
    X += 0.1 * np.abs(rng.normal(size=(3, n_features)))[y]
    X[n_source:] *= 1 + 0.3 * rng.random(n_features)  # the target was recorded elsewhere
    X *= 7 / np.sqrt((X**2).sum(axis=1).mean())  # norms like those of the published features
    return X[:n_source], y[:n_source], X[n_source:], y[n_source:]


def svc():
    """The benchmark's classifier."""
    return SVC(kernel="linear", C=1.0)


def run_cdmer(method, Xs, ys, Xt):
    """Predictions, and what the figure is computed from."""
    import cdmer.adaptation as ours

    parameters = {
        "CORAL": {"reg": REG_CORAL},
        "TCA": {"n_components": K},
        "GFK": {"n_components": K},
        "SubspaceAlignment": {"n_components": K},
        "JDA": {"n_components": K},
        "OptimalTransport, entropic": {"reg": REG_OT},
        "TGSR": {"groups": len(Xt[0]) // 177 if len(Xt[0]) % 177 == 0 else 40, "n_selected": 20},
        "KGSL": {"groups": 85 if len(Xt[0]) % 85 == 0 else 40},
        "TTRM": {"groups": 85 if len(Xt[0]) % 85 == 0 else 40},
    }
    model = getattr(ours, method.split(",")[0])(**parameters.get(method, {}))
    X = np.concatenate([Xs, Xt])
    y = np.concatenate([ys, np.full(len(Xt), -1)])
    domain = np.repeat([1, -2], [len(Xs), len(Xt)])

    def work():
        return model.fit(X, y, sample_domain=domain).predict(Xt)

    def traces():
        if method in ("TCA", "CORAL"):
            return model.transform(Xs, np.ones(len(Xs), int)), model.transform(Xt)
        return getattr(model, "weights_", getattr(model, "plan_", None))

    return work, traces


def run_skada(method, Xs, ys, Xt):
    """Predictions, and what the figure is computed from."""
    import skada

    adapter = {
        "TCA": lambda: skada.TransferComponentAnalysisAdapter(n_components=K),
        "SubspaceAlignment": lambda: skada.SubspaceAlignmentAdapter(n_components=K),
        "CORAL": lambda: skada.CORALAdapter(reg=REG_CORAL),
        "KMM": lambda: skada.KMMReweightAdapter(kernel="linear"),
        "KLIEP": lambda: skada.KLIEPReweightAdapter(gamma=gamma(Xs, Xt), random_state=0),
        "OptimalTransport": lambda: skada.OTMappingAdapter(norm="max"),
        "OptimalTransport, entropic": lambda: skada.EntropicOTMappingAdapter(
            reg_e=REG_OT, norm="max"
        ),
    }[method]()
    last = svc()
    if method in ("KMM", "KLIEP"):
        last = last.set_fit_request(sample_weight=True)
    pipe = skada.make_da_pipeline(adapter, last)
    X = np.concatenate([Xs, Xt])
    y = np.concatenate([ys, np.full(len(Xt), -1)])
    domain = np.repeat([1, -2], [len(Xs), len(Xt)])

    def work():
        return pipe.fit(X, y, sample_domain=domain).predict(Xt)

    def traces():
        fitted = pipe[0].base_estimator_
        if method in ("TCA", "CORAL"):
            mapped = fitted.fit_transform(X, y, sample_domain=domain)
            mapped = mapped["X"] if isinstance(mapped, dict) else mapped
            return mapped[: len(Xs)], mapped[len(Xs) :]
        if method == "KMM":
            return fitted.fit_transform(X, y, sample_domain=domain)["sample_weight"][: len(Xs)]
        return fitted.ot_transport_.coupling_

    return work, traces


def run_adapt(method, Xs, ys, Xt):
    """Predictions, and what the figure is computed from."""
    from adapt import feature_based, instance_based

    model = {
        "TCA": lambda: feature_based.TCA(svc(), Xt=Xt, n_components=K, mu=1.0, verbose=0),
        "SubspaceAlignment": lambda: feature_based.SA(svc(), Xt=Xt, n_components=K, verbose=0),
        "CORAL": lambda: feature_based.CORAL(svc(), Xt=Xt, lambda_=REG_CORAL, verbose=0),
        "KMM": lambda: instance_based.KMM(svc(), Xt=Xt, kernel="linear", verbose=0),
        "ULSIF": lambda: instance_based.ULSIF(
            svc(), Xt=Xt, gamma=gamma(Xs, Xt), lambdas=[0.1], verbose=0
        ),
        "KLIEP": lambda: instance_based.KLIEP(svc(), Xt=Xt, gamma=gamma(Xs, Xt), verbose=0),
    }[method]()

    def work():
        return model.fit(Xs, ys).predict(Xt)

    def traces():
        if method in ("TCA", "CORAL"):
            return model.transform(Xs, domain="src"), model.transform(Xt, domain="tgt")
        return model.predict_weights()

    return work, traces


def run_pot(method, Xs, ys, Xt):
    """Predictions, and what the figure is computed from."""
    import ot

    transport = (
        ot.da.SinkhornTransport(reg_e=REG_OT, norm="max")
        if "entropic" in method
        else ot.da.EMDTransport(norm="max")
    )

    def work():
        return svc().fit(transport.fit(Xs=Xs, Xt=Xt).transform(Xs), ys).predict(Xt)

    return work, lambda: transport.coupling_


def gamma(Xs, Xt):
    """One over the median squared distance, the width that cdmer takes by itself."""
    from sklearn.metrics.pairwise import euclidean_distances

    X = np.concatenate([Xs, Xt])
    return 1 / np.median(euclidean_distances(X, squared=True)[np.triu_indices(len(X), 1)])


def figure(method, Xs, Xt, traces):
    """What the method is after: see above."""
    if method == "TCA":
        Zs, Zt = traces
        Z = np.concatenate([Zs, Zt])
        return float(np.sum((Zs.mean(0) - Zt.mean(0)) ** 2) / Z.var(axis=0).sum())
    if method == "CORAL":
        directions = np.random.default_rng(0).normal(size=(Xs.shape[1], 200))
        moved, wanted = (np.cov((Z @ directions).T) for Z in traces)
        return float(np.linalg.norm(moved - wanted) / np.linalg.norm(wanted))
    if method == "KMM":
        beta = np.asarray(traces).ravel()
        linear = len(Xs) * (Xs @ Xt.mean(axis=0))
        return float((0.5 * beta @ (Xs @ (Xs.T @ beta)) - linear @ beta) / len(Xs) ** 2)
    if method.startswith("OptimalTransport"):
        from sklearn.metrics.pairwise import euclidean_distances

        cost = euclidean_distances(Xs, Xt, squared=True)
        return float((np.asarray(traces) * cost).sum() / cost.max())
    return None


def measure(method, library, size, repeats):
    """Run one method of one library; give a dict of results."""
    run = {"cdmer": run_cdmer, "skada": run_skada, "adapt": run_adapt, "POT": run_pot}[library]
    Xs, ys, Xt, yt = data(size)
    seconds = []
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        for repeat in range(repeats):
            work, traces = run(method, Xs.copy(), ys.copy(), Xt.copy())
            started = time.perf_counter()
            predicted = work()
            seconds.append(time.perf_counter() - started)
            if sum(seconds) > 20:
                break
        try:
            value = figure(method, Xs, Xt, traces())
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            value = None
            print(f"{library} {method}: no figure, {error!r}", file=sys.stderr)
    accuracy = 100 * float((np.asarray(predicted) == yt).mean())
    return {"seconds": min(seconds), "accuracy": accuracy, "figure": value}


def main():
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--limit", type=float, default=120.0, help="seconds per run")
    parser.add_argument("--repeats", type=int, default=3, help="runs, of which the fastest counts")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--one", nargs=3, metavar=("METHOD", "LIBRARY", "SIZE"), help="internal")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*options.one, options.repeats)))
        return
    print(f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.machine()}, one thread\n")
    print("| size | method | library | fit + predict, s | ratio | accuracy, % | figure |")
    print("|---|---|---|---|---|---|---|")
    environment = os.environ | dict.fromkeys(
        ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"
    )
    for size in options.sizes:
        for method in options.methods:
            own = None
            for library in METHODS[method]:
                command = [sys.executable, __file__, "--one", method, library, size]
                command += ["--repeats", str(options.repeats)]
                try:
                    done = subprocess.run(
                        command,
                        capture_output=True,
                        text=True,
                        env=environment,
                        timeout=options.limit + 30,
                        check=True,
                    )
                except subprocess.TimeoutExpired:
                    ratio = f"> {options.limit / own:.0f}" if own else ""
                    print(
                        f"| {size} | {method} | {library} | > {options.limit:.0f} | {ratio} | | |"
                    )
                    continue
                except subprocess.CalledProcessError as error:
                    reason = error.stderr.strip().splitlines()[-1][:120]
                    print(f"| {size} | {method} | {library} | failed: {reason} | | | |")
                    continue
                result = json.loads(done.stdout.splitlines()[-1])
                own = own or result["seconds"]
                value = "" if result["figure"] is None else f"{result['figure']:.5g}"
                print(
                    f"| {size} | {method} | {library} | {result['seconds']:.3f} | "
                    f"{result['seconds'] / own:.1f} | {result['accuracy']:.2f} | {value} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
