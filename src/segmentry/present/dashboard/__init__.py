"""The dashboard: pages over finished run folders, on this machine, without network.

It reads run folders and shows what the report shows, in the same words, and lets a reader ask:
which feature, which user, which two segments. Streamlit is loaded when it is served.
"""

from segmentry.present.dashboard._server import Door, serve

__all__ = ["Door", "serve"]
