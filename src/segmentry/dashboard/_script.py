"""What Streamlit runs at every interaction."""

from segmentry.dashboard._frame import show

if __name__ == "__main__":
    show()
