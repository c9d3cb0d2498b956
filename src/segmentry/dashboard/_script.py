"""What Streamlit runs at every interaction."""

from segmentry.dashboard._frame import show

show()
