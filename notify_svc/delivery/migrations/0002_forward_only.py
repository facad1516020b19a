from __future__ import annotations

from django.db import migrations

# The same table as `rules.MOVES`, once more where no worker can get around it. A test keeps the two equal.
FORWARD_ONLY = """
CREATE FUNCTION notify_delivery_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status || '>' || NEW.status) NOT IN (
        'waiting>queued', 'waiting>failed', 'waiting>canceled', 'queued>sending', 'queued>canceled',
        'sending>sent', 'sending>retrying', 'sending>unknown', 'sending>failed', 'sending>canceled',
        'retrying>sending', 'retrying>canceled', 'unknown>sending', 'unknown>canceled'
    ) THEN
        RAISE EXCEPTION 'a delivery does not go from % to %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER notify_delivery_forward BEFORE UPDATE OF status ON notify_delivery_delivery
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION notify_delivery_forward();
"""
BACK = """
DROP TRIGGER notify_delivery_forward ON notify_delivery_delivery;
DROP FUNCTION notify_delivery_forward();
"""


class Migration(migrations.Migration):
    dependencies = [("notify_delivery", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD_ONLY, BACK)]
