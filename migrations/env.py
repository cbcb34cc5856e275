"""alembic's entry. The program comes with a connection; the command line with `-x url=…`:

alembic -c migrations/alembic.ini -x url=sqlite:////folder/file.db upgrade head
"""

from alembic import context

from pbx_bridge.ledger.migrating import apply, by_hand

if connection := context.config.attributes.get("connection"):
    apply(context, connection, context.config.attributes["say"])
elif url := context.get_x_argument(as_dictionary=True).get("url"):
    by_hand(context, url)
else:
    raise SystemExit("Say which database: alembic -c migrations/alembic.ini -x url=sqlite:////folder/file.db …")
