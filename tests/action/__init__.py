"""The GitHub Action, run as GitHub's runner would."""
