"""`UserSegmenter`: the segmentation with scikit-learn's verbs."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from segmentry.errors import SegmentryError
from segmentry.estimator._inference import (
    InferredFeatures,
    LeftOut,
    check_height,
    infer_features,
    is_frame,
    table_of_array,
    table_of_frame,
)
from segmentry.estimator._planning import (
    check_settings,
    choices_of,
    plan_columns,
    require_seed,
    weights_of,
)
from segmentry.estimator._saved import CODEC, SavedSegmenter, settings_of
from segmentry.evaluation.number import decide_by_groups
from segmentry.runtime.seeds import LARGEST_SEED
from segmentry.schema import Fill
from segmentry.schema.arrays import FloatMatrix, FloatVector, IntVector
from segmentry.segments.clustering import assign, distinct_rows, sampled_silhouette
from segmentry.segments.forming import Segmentation, find_segments, recipe_named
from segmentry.segments.preprocessing import Clip, Scale, Transform, count_odd, differences
from segmentry.settings import KRange, parse_k_range

if TYPE_CHECKING:
    import pyarrow as pa


_RECIPE = "table"
_ARROW = "pyarrow"


class UserSegmenter(ClusterMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # untyped
    """Segment the rows of a user table with numeric, ordinal and categorical columns.

    Columns are taken for what they look like, missing values are filled, long tails are logged and
    pulled in at the 1st and 99th percentile, numbers are scaled and levels become one column each;
    then K-means finds the segments and their number.

    Parameters
    ----------
    n_segments : int, optional
        Number of segments. By default it is chosen from `k_range` by the evidence of groups
        (gap statistic, prediction strength, permuted columns); the answer may be 1: nothing here.
    k_range : str or tuple of (int, int)
        Numbers to try, both ends included: ``"2:10"`` or ``(2, 10)``.
    features : sequence of str, optional
        Columns that form the segments; by default all that can. The columns of an array are
        called "x0", "x1" ...
    exclude : sequence of str
        Columns that never form segments.
    ordinal, categorical : sequence of str
        Columns that are taken as these, whatever they look like.
    weights : mapping of str to float, optional
        Factors of scaled columns, above 0; 1 where none is given.
    fill : {"zero", "median", "mode", "own level", "none"} or mapping of columns to these, optional
        What stands in for a missing value; "own level" marks it, "none" is refused here, where
        every row gets a segment. By default the look of the column decides.
    transforms : {"none", "log1p", "logit"} or mapping of columns to these, optional
        By default counts, money and durations are logged.
    clip : tuple of (float, float), "none" or mapping of columns to these, optional
        Quantiles beyond which transformed values are pulled in; (0.01, 0.99) by default.
    scale : {"robust", "standard", "quantile", "none"} or mapping of columns to these
        Robust is (x - median) / inter-quartile range, and what holds for columns not named.
    algorithm : {"kmeans", "minibatch", "bisecting"}
    min_share : float
        A number of segments whose smallest holds a smaller share is not chosen.
    random_state : int, RandomState instance or None
        Where the same is given, so is the answer.

    Attributes
    ----------
    labels_ : ndarray of int, shape (n_users,)
        Segment of each user at the fit, 0 to `n_segments_` - 1 by falling size. Not saved.
    segment_ids_ : ndarray of int, shape (n_users,)
        The same as in reports: 1 to `n_segments_`. Not saved.
    centers_ : ndarray of float, shape (n_segments_, n_columns)
        In the columns `preprocessing_.columns`, that is after scaling.
    inertia_ : float
        Sum of squared Euclidean distances to the nearest centre, by `sample_weight`.
    selection_ : Selection
        Every number that was tried, with its scores and why it was chosen or not.
    features_ : tuple of Feature
        What forms the segments, with the kind that each column was taken for.
    left_out_ : tuple of LeftOut
        All other columns, each with its reason.
    preprocessing_ : Preprocessing
        The fitted steps from a table to its matrix.
    feature_names_in_ : ndarray of str, shape (n_features_in_,)
        Only where the columns have names. Columns are then found by name, in any order.

    Raises
    ------
    ValueError
        By `fit`, `predict`, `transform` and `score`, if a parameter or the table makes no sense;
        the message says what was found, what was expected and what to do.

    Notes
    -----
    A `sample_weight` of 2 is the row twice, bit for bit: also for quantiles, for silhouettes and
    for what a column is taken for. A weight of 0 leaves the row out of the fit. Fractions need a
    given `n_segments`, since a silhouette compares a user with the others of the segment.

    Examples
    --------
    >>> import polars as pl
    >>> users = pl.DataFrame(
    ...     {
    ...         "country": ["de", "de", "fr", "de", "fr", "fr", None],
    ...         "n_orders": [1, 2, 1, 3, 80, 95, 90],
    ...     }
    ... )
    >>> segmenter = UserSegmenter(n_segments=2, weights={"country": 0.5}).fit(users)
    >>> segmenter.labels_
    array([0, 0, 0, 0, 1, 1, 1])
    >>> segmenter.predict(pl.DataFrame({"n_orders": [70, 0], "country": [None, "de"]}))
    array([1, 0])
    >>> segmenter.set_output(transform="polars").transform(users[:1]).columns
    ['distance_to_segment_1', 'distance_to_segment_2']
    """

    def __init__(
        self,
        *,
        n_segments: int | None = None,
        k_range: KRange = (2, 10),
        features: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        ordinal: Sequence[str] = (),
        categorical: Sequence[str] = (),
        weights: Mapping[str, float] | None = None,
        fill: Fill | Mapping[str, Fill] | None = None,
        transforms: Transform | Mapping[str, Transform] | None = None,
        clip: Clip | Mapping[str, Clip] | None = None,
        scale: Scale | Mapping[str, Scale] = "robust",
        algorithm: str = "kmeans",
        min_share: float = 0.01,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.n_segments = n_segments
        self.k_range = k_range
        self.features = features
        self.exclude = exclude
        self.ordinal = ordinal
        self.categorical = categorical
        self.weights = weights
        self.fill = fill
        self.transforms = transforms
        self.clip = clip
        self.scale = scale
        self.algorithm = algorithm
        self.min_share = min_share
        self.random_state = random_state

    def fit(
        self, X: object, y: object = None, sample_weight: npt.ArrayLike | None = None
    ) -> "UserSegmenter":
        """Find the segments of the users.

        Parameters
        ----------
        X : pandas, polars or pyarrow data frame, array-like or sparse matrix, (n_users, n_features)
            One row per user. Missing values and infinity are unknown.
        y : ignored
        sample_weight : array-like of float, shape (n_users,), optional
            How many users each row stands for.

        Raises
        ------
        ValueError
            If a parameter, a weight or the table makes no sense; the message says what to do.
        """
        del y
        with _as_value_errors():
            table = self._read(X, is_fit=True)
            check_settings(self)
            weights = weights_of(sample_weight, table.height)
            users, positive = table, weights
            if weights is not None:
                users, positive = table.filter(pl.Series(weights > 0)), weights[weights > 0]
            if hasattr(self, "feature_names_in_"):
                # The order of the columns decides in which order floats are added up.
                users = users.select(sorted(users.columns))
            self.seed_ = self._draw_seed()
            self._keep(*self._segment(users, positive))
            self.labels_ = self._assign(table)
        self.segment_ids_ = self.labels_ + 1
        return self

    def predict(self, X: object) -> IntVector:
        """Return the segment of each user, 0 to `n_segments_` - 1, shape (n_users,).

        A level that was not there at the fit counts as none of the known ones. A warning says so,
        and where most values are outside the range of the fit or a column is of another type.

        Parameters
        ----------
        X : pandas, polars or pyarrow data frame, array-like or sparse matrix, (n_users, n_features)
            Columns with names may come in any order.

        Raises
        ------
        ValueError
            If the columns are not those of the fit, or one holds text instead of numbers.
        """
        check_is_fitted(self)
        with _as_value_errors():
            labels, _ = assign(self._matrix_of(X), self.centers_)
            return labels

    def set_output(self, *, transform: str | None = None) -> "UserSegmenter":
        """Choose the container that `transform` and `fit_transform` return.

        Parameters
        ----------
        transform : {"default", "pandas", "polars", "pyarrow"}, optional
            An array, a data frame or a table; unchanged if absent. scikit-learn knows all but
            "pyarrow", which holds for this step alone, not for a whole pipeline.

        Examples
        --------
        >>> import numpy as np
        >>> X = np.array([[1.0], [2.0], [9.0], [9.5]])
        >>> segmenter = UserSegmenter(n_segments=2).set_output(transform="pyarrow")
        >>> segmenter.fit_transform(X).column_names
        ['distance_to_segment_1', 'distance_to_segment_2']
        """
        super().set_output(transform="default" if transform == _ARROW else transform)
        if transform is not None:
            # Next to scikit-learn's own key, so that `clone` takes both along.
            self._sklearn_output_config[_ARROW] = transform == _ARROW
        return self

    def transform(self, X: object) -> "FloatMatrix | pa.Table":
        """Return the Euclidean distance of each user to each centre, shape (n_users, n_segments).

        Parameters
        ----------
        X : pandas, polars or pyarrow data frame or array-like, (n_users, n_features)
            As for `predict`.
        """
        check_is_fitted(self)
        with _as_value_errors():
            matrix = self._matrix_of(X)
        distances = [np.sqrt(np.square(matrix - center).sum(axis=1)) for center in self.centers_]
        if not getattr(self, "_sklearn_output_config", {}).get(_ARROW):
            return np.column_stack(distances)
        import pyarrow as pa

        return pa.table(dict(zip(self.get_feature_names_out(), distances, strict=True)))

    def score(
        self, X: object, y: object = None, sample_weight: npt.ArrayLike | None = None
    ) -> float:
        """Return the mean Euclidean silhouette of these users in their segments; 0 for one segment.

        Not the negative inertia of `KMeans.score`: that falls with every further segment, so that
        a search would always take the most. Distances are those of the fitted columns: scores of
        different `features`, `weights` or `scale` are not comparable.

        Parameters
        ----------
        X : pandas, polars or pyarrow data frame or array-like, (n_users, n_features)
            As for `predict`; 2,000 of them, drawn by `seed_`, are measured against all.
        y : ignored
        sample_weight : array-like of float, shape (n_users,), optional
            Whole numbers of users.
        """
        del y
        check_is_fitted(self)
        with _as_value_errors():
            table = self._read(X, is_fit=False)
            weights = weights_of(sample_weight, table.height)
            if weights is not None:
                table, weights = table.filter(pl.Series(weights > 0)), weights[weights > 0]
            distinct = distinct_rows(self.preprocessing_.transform(table), weights=weights)
        nearest, _ = assign(distinct.rows, self.centers_)
        used, labels = np.unique(nearest, return_inverse=True)
        if not 1 < used.size < distinct.weights.sum():
            return 0.0
        (found,) = sampled_silhouette(distinct, [labels], seed=self.seed_)
        return found.mean.value

    def get_feature_names_out(
        self, input_features: npt.ArrayLike | None = None
    ) -> npt.NDArray[np.object_]:
        """Return the names of the columns of `transform`, shape (n_segments,).

        Parameters
        ----------
        input_features : array-like of str, optional
            Only compared with the columns of the fit.

        Raises
        ------
        ValueError
            If `input_features` are not those of the fit.
        """
        check_is_fitted(self)
        if input_features is not None:
            given = np.asarray(input_features, dtype=object)
            names = getattr(self, "feature_names_in_", given)
            if len(given) != self.n_features_in_:
                raise ValueError(
                    "input_features should have length equal to number of features "
                    f"({self.n_features_in_}), got {len(given)}"
                )
            if not np.array_equal(given, names):
                raise ValueError("input_features is not equal to feature_names_in_")
        names = [f"distance_to_segment_{i}" for i in range(1, self.n_segments_ + 1)]
        return np.array(names, dtype=object)

    def save(self, path: str | Path) -> None:
        """Write the fitted segmenter as one JSON file; no code, no pickle, no user.

        Parameters
        ----------
        path : str or Path
            A `random_state` that is a RandomState instance is saved as None.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        saved = SavedSegmenter(
            settings=settings_of(self, choices_of(self)),
            feature_names_in=None if names is None else tuple(names),
            n_features_in=self.n_features_in_,
            seed=self.seed_,
            centers=tuple(tuple(map(float, center)) for center in self.centers_),
            inertia=self.inertia_,
            preprocessing=self.preprocessing_,
            selection=self.selection_,
            features=self.features_,
            left_out=self.left_out_,
        )
        CODEC.write(saved, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> "UserSegmenter":
        """Read a segmenter that `save` wrote; it places users bit for bit as before.

        Parameters
        ----------
        path : str or Path

        Raises
        ------
        BundleError
            If the file is not a saved segmenter, or one of another version.
        """
        saved = CODEC.read(Path(path))
        fields = saved.settings.__dataclass_fields__
        loaded = cls(**{name: getattr(saved.settings, name) for name in fields})
        loaded.n_features_in_ = saved.n_features_in
        if saved.feature_names_in is not None:
            loaded.feature_names_in_ = np.array(saved.feature_names_in, dtype=object)
        loaded.seed_ = saved.seed
        loaded.centers_ = np.array(saved.centers)
        loaded.n_segments_ = len(saved.centers)
        loaded.inertia_ = saved.inertia
        loaded.preprocessing_ = saved.preprocessing
        loaded.selection_ = saved.selection
        loaded.features_ = saved.features
        loaded.left_out_ = saved.left_out
        return loaded

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.input_tags.sparse = True
        return tags

    def _read(self, X: object, *, is_fit: bool) -> pl.DataFrame:
        """Return the table with the columns of the fit, or say what differs."""
        if is_frame(X):
            table = table_of_frame(X)
            fitted = list(getattr(self, "feature_names_in_", ()))
            if not is_fit and sorted(fitted) == sorted(table.columns):
                table = table.select(fitted)
            validate_data(self, table, reset=is_fit, skip_check_array=True)
            check_height(table, minimum=2 if is_fit else 1)
            if not is_fit and not fitted:
                table.columns = self._column_names()
            return table
        array = validate_data(
            self,
            X,
            reset=is_fit,
            dtype=None,
            accept_sparse="csc",
            ensure_all_finite=False,
            ensure_min_samples=2 if is_fit else 1,
        )
        return table_of_array(array, self._column_names())

    def _matrix_of(self, X: object) -> FloatMatrix:
        """Return `X` of new users, and warn where they differ as `segmentry score` notes it."""
        table = self._read(X, is_fit=False)
        matrix = self.preprocessing_.transform(table)
        for text in differences(self.preprocessing_, count_odd(self.preprocessing_, table)):
            warnings.warn(text, stacklevel=3)
        return matrix

    def _column_names(self) -> list[str]:
        if hasattr(self, "feature_names_in_"):
            return list(self.feature_names_in_)
        return [f"x{position}" for position in range(self.n_features_in_)]

    def _draw_seed(self) -> int:
        if isinstance(self.random_state, int | np.integer):
            return require_seed(int(self.random_state))
        return int(check_random_state(self.random_state).randint(LARGEST_SEED))

    def _segment(
        self, users: pl.DataFrame, weights: FloatVector | None
    ) -> tuple[Segmentation, InferredFeatures]:
        inferred = infer_features(
            users,
            ordinal=tuple(self.ordinal),
            categorical=tuple(self.categorical),
            ignore=tuple(self.exclude),
            weights=weights,
        )
        forced = None if self.n_segments is None else int(self.n_segments)
        segmentation = find_segments(
            users,
            plan_columns(inferred, features=self.features, choices=choices_of(self)),
            recipe=recipe_named(_RECIPE),
            n_segments=parse_k_range(self.k_range) if forced is None else (forced,),
            forced=forced,
            algorithm=self.algorithm,
            min_share=self.min_share,
            seed=self.seed_,
            weights=weights,
            decide=None if forced is not None else partial(decide_by_groups, seed=self.seed_),
        )
        return segmentation, inferred

    def _keep(self, segmentation: Segmentation, inferred: InferredFeatures) -> None:
        """Set what is known after the fit."""
        chosen = next(each for each in segmentation.selection.candidates if each.is_selected)
        preprocessing = segmentation.preprocessing
        dropped = tuple(LeftOut(name, reason) for name, reason in preprocessing.dropped)
        self.preprocessing_ = preprocessing
        self.centers_ = segmentation.centers
        self.selection_ = segmentation.selection
        self.n_segments_ = segmentation.n_segments
        self.inertia_ = chosen.inertia
        self.features_ = tuple(
            each for each in inferred.features if each.name in preprocessing.features
        )
        self.left_out_ = (*inferred.left_out, *dropped)

    def _assign(self, table: pl.DataFrame) -> IntVector:
        labels, _ = assign(self.preprocessing_.transform(table), self.centers_)
        return labels


@contextmanager
def _as_value_errors() -> Iterator[None]:
    """Turn what the user can fix into the error that scikit-learn's callers expect."""
    try:
        yield
    except SegmentryError as error:
        raise ValueError(str(error)) from error
