"""ps03: layers in matrix form, other weights of the same network, regions by hand-set weights."""

from nncourse.exercises.piece import Piece
from nncourse.exercises.ps03.forward import FORWARD
from nncourse.exercises.ps03.polygons import CONVEX, HALF_PLANE
from nncourse.exercises.ps03.rewrite import COLLAPSE, PERMUTE
from nncourse.exercises.ps03.shapes import SHAPES
from nncourse.exercises.ps03.union import UNION

PIECES: dict[str, Piece] = {
    piece.name: piece for piece in (SHAPES, FORWARD, COLLAPSE, PERMUTE, HALF_PLANE, CONVEX, UNION)
}
