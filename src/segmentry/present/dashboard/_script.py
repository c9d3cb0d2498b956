"""What Streamlit runs at every interaction."""

from segmentry.present.dashboard._frame import show

if __name__ == "__main__":
    show()
