# ruff: noqa: INP001  # a template that stands alone
"""Airflow 2.4 or later: refresh the segments on the second of each month.

Exit code 10, other segments, is a success; 11, a person should look, and 2 fail the task, so that
whoever gets the alerts of the DAG is requested.
"""

import datetime as dt  # a template that stands alone

from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG(
    dag_id="refresh_segments",
    schedule="0 6 2 * *",
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=1,
):
    BashOperator(
        task_id="refresh",
        bash_command="/srv/segments/refresh.sh || [ $? -eq 10 ]",
        retries=0,
    )
