"""What else does a reader of a run want to ask?

In: run folders. Out: pages served by Streamlit on this machine, without network. They show what the
report shows, in the same words. Streamlit is loaded when it is served.
"""

from segmentry.present.dashboard._renaming import Renaming
from segmentry.present.dashboard._server import Door, serve

__all__ = ["Door", "Renaming", "serve"]
