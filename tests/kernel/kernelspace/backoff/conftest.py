"""Record stores of every kind, for what is decided by compare-and-set."""

from record_stores_fixture import aws as aws
from record_stores_fixture import store as store
