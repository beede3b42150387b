"""Structs of cameras, of the instances that they see, and of what a ray hits."""

from __future__ import annotations

from warpgen.synthesis.writing.pieces import piece

TRACED_CAMERA = piece('''
@wp.struct
class TracedCamera:
    """Pinhole camera looking along its local -z axis; vertical fov in radians, near and far along the ray."""

    pose: wp.transform
    fov: float
    near: float
    far: float
''')

FISHEYE_CAMERA = piece(TRACED_CAMERA.text.replace("Pinhole camera", "Equidistant fisheye camera"))

ORTHOGRAPHIC_CAMERA = piece('''
@wp.struct
class OrthographicCamera:
    """Orthographic camera looking along its local -z axis; view height, near and far are in meters."""

    pose: wp.transform
    view_height: float
    near: float
    far: float
''')

MESH_INSTANCES = piece('''
@wp.struct
class MeshInstances:
    """Mesh instance data: pose, uniform scale, color and label per instance."""

    pose: wp.array(dtype=wp.transform)
    scale: wp.array(dtype=float)
    color: wp.array(dtype=wp.vec3)
    label: wp.array(dtype=int)
''')

PLAIN_INSTANCES = piece(
    MESH_INSTANCES.text.replace("scale, color and", "scale and").replace(
        "    color: wp.array(dtype=wp.vec3)\n", ""
    )
)

TRACE_HIT = piece('''
@wp.struct
class TraceHit:
    """Closest ray hit, with instance -1 for a miss."""

    instance: int
    t: float
    normal: wp.vec3
''')

PLAIN_HIT = piece(TRACE_HIT.text.replace("\n    normal: wp.vec3", ""))
