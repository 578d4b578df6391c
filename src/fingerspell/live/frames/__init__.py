"""Where pictures come from: stills, folders, videos, cameras and streams, as one kind of thing.

A `Frame` is (seconds, upright RGB pixels). Whoever reads frames need not know what gives them::

    stills.py        photos one by one, not in time
    folder.py        a folder's photos as frames            ┐
    video.py         a video file, at its own times         ├─ iterators of Frame
    mjpeg.py         JPEGs one after the other, on a pipe    │
    camera.py        a camera that may go away and come back ┘
    newest.py        of all these the newest frame, for whoever is slower than the camera
    box.py           the part of a frame that is looked at

Below them: clock.py (times that never run backward), turning.py (rotated phone videos), opening.py (PyAV, with
limits), jpegs.py (where one JPEG ends), kinds.py (what a file or a pipe holds), capture.py and source.py (one
connection to a camera, and what names it), realtime.py (a file as if it were a camera).
"""
